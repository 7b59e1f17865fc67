package fakegoogle

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bucket is a storage bucket. Name is required.
type Bucket struct {
	Name string
	// Members may read and write the objects: see [Provider.Principal],
	// [Provider.PrincipalSet]; a service account is "serviceAccount:" and its
	// email. Nil means nobody.
	Members []string
	// Objects are the contents by name, to begin with. Nil means an empty bucket.
	Objects map[string][]byte
}

var (
	writeScopes = []string{
		"https://www.googleapis.com/auth/devstorage.read_write",
		"https://www.googleapis.com/auth/devstorage.full_control",
	}
	readScopes = append([]string{"https://www.googleapis.com/auth/devstorage.read_only"}, writeScopes...)
)

// reader returns the bucket of the request if its bearer may do what
// permission names.
func (s *Server) reader(w http.ResponseWriter, r *http.Request, permission string) *Bucket {
	return s.permitted(w, r, permission, readScopes)
}

func (s *Server) permitted(w http.ResponseWriter, r *http.Request, permission string, scopes []string) *Bucket {
	g, present := s.bearer(r)
	switch {
	case !present:
		refuseStorage(w, http.StatusUnauthorized, "required", "Anonymous caller does not have "+permission+" access to the Google Cloud Storage object. Permission '"+permission+"' denied on resource (or it may not exist).")
		return nil
	case g == nil:
		refuseStorage(w, http.StatusUnauthorized, "authError", "Invalid Credentials")
		return nil
	case !g.scoped(scopes...):
		refuseStorage(w, http.StatusForbidden, "insufficientPermissions", insufficientScope)
		return nil
	}
	b := s.buckets[r.PathValue("bucket")]
	if b == nil || !overlap(b.Members, g.members) {
		refuseStorage(w, http.StatusForbidden, "forbidden", fmt.Sprintf("%s does not have %s access to the Google Cloud Storage object. Permission '%s' denied on resource (or it may not exist).", g.principal, permission, permission))
		return nil
	}
	return b
}

// bucket is GET /storage/v1/b/{bucket}.
func (s *Server) bucket(w http.ResponseWriter, r *http.Request) {
	b := s.reader(w, r, "storage.buckets.get")
	if b == nil {
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"kind": "storage#bucket", "id": b.Name, "name": b.Name,
		"location": "EU", "storageClass": "STANDARD", "projectNumber": "0", "metageneration": "1",
	})
}

// objects is GET /storage/v1/b/{bucket}/o, with prefix and without paging.
func (s *Server) objects(w http.ResponseWriter, r *http.Request) {
	b := s.reader(w, r, "storage.objects.list")
	if b == nil {
		return
	}
	items := []any{}
	contents := s.contents(b)
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		if strings.HasPrefix(name, r.URL.Query().Get("prefix")) {
			items = append(items, resource(r, b, name, contents[name]))
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"kind": "storage#objects", "items": items})
}

// object is GET /storage/v1/b/{bucket}/o/{object}, the content with alt=media.
func (s *Server) object(w http.ResponseWriter, r *http.Request) {
	b := s.reader(w, r, "storage.objects.get")
	if b == nil {
		return
	}
	name := r.PathValue("object")
	content, ok := s.contents(b)[name]
	if !ok {
		refuseStorage(w, http.StatusNotFound, "notFound", "No such object: "+b.Name+"/"+name)
		return
	}
	if r.URL.Query().Get("alt") != "media" {
		writeJSON(w, http.StatusOK, resource(r, b, name, content))
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("X-Goog-Hash", "crc32c="+checksum(content)+",md5="+digest(content))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

func resource(r *http.Request, b *Bucket, name string, content []byte) map[string]any {
	scheme := "http"
	if r.TLS != nil || r.URL.Scheme == "https" {
		scheme = "https"
	}
	path := "/storage/v1/b/" + url.PathEscape(b.Name) + "/o/" + url.PathEscape(name)
	return map[string]any{
		"kind": "storage#object", "id": b.Name + "/" + name + "/1", "name": name, "bucket": b.Name,
		"generation": "1", "metageneration": "1", "etag": "CAE=", "storageClass": "STANDARD",
		"contentType": "application/octet-stream",
		"size":        strconv.Itoa(len(content)),
		"md5Hash":     digest(content),
		"crc32c":      checksum(content),
		"timeCreated": "2026-01-01T00:00:00Z", "updated": "2026-01-01T00:00:00Z",
		"selfLink":  scheme + "://" + r.Host + path,
		"mediaLink": scheme + "://" + r.Host + "/download" + path + "?generation=1&alt=media",
	}
}

func digest(content []byte) string {
	sum := md5.Sum(content)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func checksum(content []byte) string {
	sum := crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli))
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}
