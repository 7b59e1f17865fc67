package fakegoogle

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
)

// maxObject is how much an upload may hold.
const maxObject = 1 << 20

// upload is POST /upload/storage/v1/b/{bucket}/o, with uploadType=media or
// multipart: one request, which creates or replaces the object.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	b := s.permitted(w, r, "storage.objects.create", writeScopes)
	if b == nil {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxObject)
	name := r.URL.Query().Get("name")
	var content []byte
	var err error
	switch r.URL.Query().Get("uploadType") {
	case "media":
		content, err = io.ReadAll(r.Body)
	case "multipart":
		var named string
		if named, content, err = readMultipart(r); named != "" {
			name = named
		}
	default:
		err = errors.New("uploadType is neither media nor multipart")
	}
	if err != nil || name == "" {
		refuseStorage(w, http.StatusBadRequest, "invalid", "The upload cannot be read, or has no name.")
		return
	}
	s.uploads.Lock()
	b.Objects[name] = content
	s.uploads.Unlock()
	writeJSON(w, http.StatusOK, resource(r, b, name, content))
}

// readMultipart reads a multipart/related body (RFC 2387): the object's
// resource, and its content.
func readMultipart(r *http.Request) (name string, content []byte, err error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/related" {
		return "", nil, errors.New("not multipart/related")
	}
	parts := multipart.NewReader(r.Body, params["boundary"])
	part, err := parts.NextPart()
	if err != nil {
		return "", nil, err
	}
	var about struct{ Name string }
	if err := json.NewDecoder(part).Decode(&about); err != nil {
		return "", nil, err
	}
	if part, err = parts.NextPart(); err != nil {
		return "", nil, err
	}
	content, err = io.ReadAll(part)
	return about.Name, content, err
}

// contents returns the objects of b as they are now.
func (s *Server) contents(b *Bucket) map[string][]byte {
	s.uploads.RLock()
	defer s.uploads.RUnlock()
	return maps.Clone(b.Objects)
}
