//go:build linux

package interop

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// cephPrograms are what a gateway needs; install.sh installs them.
var cephPrograms = []string{"ceph-authtool", "monmaptool", "ceph-mon", "ceph-osd", "ceph", "radosgw-admin", "radosgw"}

// ceph is a one-node Ceph on loopback, all in memory but for the monitor's
// small database: a monitor, an object store daemon and a gateway that speaks
// STS, IAM and S3.
type ceph struct {
	Endpoint string
	Admin    aws.Credentials // may create providers and roles, and owns the buckets

	client *http.Client // for all clients of the gateway
	dir    string
	env    []string
	procs  []*process // in the order they were started
}

// cephConf keeps everything that a daemon writes in one directory. One copy of
// everything, few placement groups and a disk that may be nearly full: this
// cluster is made to start fast and to be thrown away.
var cephConf = template.Must(template.New("ceph.conf").Parse(`[global]
fsid = {{.FSID}}
mon_host = [v2:127.0.0.1:{{.MonPort}}]
mon_initial_members = a
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
keyring = {{.Dir}}/keyring
run_dir = {{.Dir}}/run
admin_socket = {{.Dir}}/run/$name.asok
log_file = {{.Dir}}/$name.log
mon_data = {{.Dir}}/mon
mon_data_avail_warn = 1
mon_data_avail_crit = 1
mon_max_pg_per_osd = 1000
mon_allow_pool_size_one = true
osd_data = {{.Dir}}/osd
osd_objectstore = memstore
osd_crush_chooseleaf_type = 0
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pg_autoscale_mode = off
memstore_device_bytes = 1073741824
[client.rgw.a]
rgw_frontends = beast endpoint=127.0.0.1:{{.GatewayPort}}
rgw_sts_key = {{.STSKey}}
rgw_s3_auth_use_sts = true
rgw_relaxed_region_enforcement = true
rgw_enable_usage_log = false
debug_rgw = 0/0
`))

// startCeph starts a gateway with its state in dir, which must not be long: the
// daemons' sockets live there. The caller stops it, after an error too.
func startCeph(ctx context.Context, dir string) (*ceph, error) {
	c := &ceph{client: newClient(), dir: dir, env: append(os.Environ(), "CEPH_CONF="+filepath.Join(dir, "ceph.conf"), "CEPH_ARGS=")}
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"configure", c.configure},
		{"monitor", c.startMonitor},
		{"object store", c.startObjectStore},
		{"administrator", c.createAdmin},
		{"gateway", c.startGateway},
	}
	for _, s := range steps {
		if err := s.do(ctx); err != nil {
			return c, fmt.Errorf("interop: ceph: %s: %w", s.name, err)
		}
	}
	return c, nil
}

// Stop ends every daemon, the last started first.
func (c *ceph) Stop() {
	c.client.CloseIdleConnections()
	for i := len(c.procs) - 1; i >= 0; i-- {
		c.procs[i].Stop(3 * time.Second)
	}
	c.procs = nil
}

func (c *ceph) configure(ctx context.Context) error {
	// The daemons want many files open; the soft limit is often 1024.
	var lim syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim) == nil && lim.Cur < lim.Max {
		lim.Cur = min(lim.Max, 65536)
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim)
	}
	for _, sub := range []string{"mon", "osd", "run"} {
		if err := os.MkdirAll(filepath.Join(c.dir, sub), 0o700); err != nil {
			return err
		}
	}
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	c.Endpoint = fmt.Sprintf("http://127.0.0.1:%d", ports[1])
	var secret [8]byte // crypto/rand.Read never fails
	_, _ = rand.Read(secret[:])
	fsid := newUUID()
	var conf strings.Builder
	err = cephConf.Execute(&conf, struct {
		Dir, FSID, STSKey    string
		MonPort, GatewayPort int
	}{
		Dir:     c.dir,
		FSID:    fsid,
		STSKey:  hex.EncodeToString(secret[:]), // the gateway wants 16 bytes, to encrypt session tokens
		MonPort: ports[0], GatewayPort: ports[1],
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.path("ceph.conf"), []byte(conf.String()), 0o600); err != nil {
		return err
	}
	if _, err := c.run(ctx, "ceph-authtool", "--create-keyring", c.path("keyring"), "--gen-key", "-n", "mon.", "--cap", "mon", "allow *"); err != nil {
		return err
	}
	for _, name := range []string{"client.admin", "client.rgw.a", "osd.0"} {
		if _, err := c.run(ctx, "ceph-authtool", c.path("keyring"), "--gen-key", "-n", name, "--cap", "mon", "allow *", "--cap", "osd", "allow *"); err != nil {
			return err
		}
	}
	_, err = c.run(ctx, "monmaptool", "--create", "--clobber", "--fsid", fsid, "--addv", "a", fmt.Sprintf("[v2:127.0.0.1:%d]", ports[0]), c.path("monmap"))
	return err
}

func (c *ceph) startMonitor(ctx context.Context) error {
	if _, err := c.run(ctx, "ceph-mon", "--mkfs", "-i", "a", "--monmap", c.path("monmap"), "--keyring", c.path("keyring")); err != nil {
		return err
	}
	p, err := c.start("ceph-mon", "-i", "a", "-f")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return p.await(ctx, 200*time.Millisecond, func(ctx context.Context) error {
		_, err := c.run(ctx, "ceph", "--connect-timeout", "10", "osd", "create")
		return err
	})
}

func (c *ceph) startObjectStore(ctx context.Context) error {
	if _, err := c.run(ctx, "ceph-osd", "-i", "0", "--mkfs", "--no-mon-config"); err != nil {
		return err
	}
	p, err := c.start("ceph-osd", "-i", "0", "-f")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return p.await(ctx, 200*time.Millisecond, func(ctx context.Context) error {
		out, err := c.run(ctx, "ceph", "--connect-timeout", "10", "osd", "stat")
		if err == nil && !strings.Contains(out, "1 up") {
			err = errors.New(strings.TrimSpace(out))
		}
		return err
	})
}

// createAdmin lets the gateway make up the keys, so that none is on a command
// line.
func (c *ceph) createAdmin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	out, err := c.run(ctx, "radosgw-admin", "user", "create", "--uid=interop", "--display-name=interop", "--caps=oidc-provider=*;roles=*")
	if err != nil {
		return err
	}
	var user struct {
		Keys []struct {
			AccessKey string `json:"access_key"`
			SecretKey string `json:"secret_key"`
		} `json:"keys"`
	}
	if err := json.Unmarshal([]byte(out), &user); err != nil {
		return fmt.Errorf("answer of radosgw-admin: %w", err)
	}
	if len(user.Keys) != 1 {
		return fmt.Errorf("radosgw-admin made %d keys, not 1", len(user.Keys))
	}
	c.Admin = aws.Credentials{AccessKeyID: user.Keys[0].AccessKey, SecretAccessKey: user.Keys[0].SecretKey, Source: "radosgw-admin"}
	return nil
}

func (c *ceph) startGateway(ctx context.Context) error {
	p, err := c.start("radosgw", "-n", "client.rgw.a", "--keyring", c.path("keyring"), "-f")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	return p.await(ctx, 200*time.Millisecond, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Endpoint, nil)
		if err != nil {
			return err
		}
		resp, err := c.client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", resp.StatusCode)
		}
		return nil
	})
}

func (c *ceph) path(name string) string { return filepath.Join(c.dir, name) }

func (c *ceph) start(program string, args ...string) (*process, error) {
	p, err := startProcess(c.dir, program, c.env, program, args...)
	if err == nil {
		c.procs = append(c.procs, p)
	}
	return p, err
}

func (c *ceph) run(ctx context.Context, program string, args ...string) (string, error) {
	return mustRun(ctx, c.dir, c.env, program, args...)
}

// newUUID returns a random UUID (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// freePorts returns n loopback ports that were free a moment ago.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // at the end, so that no port is given twice
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}
