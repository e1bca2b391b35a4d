# SPDX-License-Identifier: Apache-2.0
"""nginx on either side: as the upstream of our proxy and as a proxy in front of us."""

import pathlib
import shutil
import socket
import subprocess
import tempfile

from lab import Process, need_program, on_each_transport, wait_until


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@on_each_transport("kernel", "tap", "veth", "veth6")
class Nginx:
    def setUp(self):
        super().setUp()
        need_program("nginx", "nginx-light")
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sluice-nginx-"))
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.directory.chmod(0o755)
        self.host = self.lab.in_url(self.lab.client_address)

    def nginx(self, port, server_block):
        configuration = self.directory / "nginx.conf"
        configuration.write_text(f"""
daemon off; master_process off; pid {self.directory}/pid; error_log stderr warn;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {self.directory}/body; proxy_temp_path {self.directory}/proxy;
  fastcgi_temp_path {self.directory}/f; uwsgi_temp_path {self.directory}/u; scgi_temp_path {self.directory}/s;
  client_max_body_size 100m;
  server {{ listen {port}; listen [::]:{port}; {server_block} }}
}}
""")
        process = self.lab.background("nginx", "-p", self.directory, "-c", configuration)

        def listening():
            if process.process.poll() is not None:
                raise AssertionError(process.output())
            return subprocess.run([*self.lab.client_prefix, "curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{port}/started"],
                                  stdin=subprocess.DEVNULL).returncode == 0

        wait_until(listening, 10, "nginx")
        return process

    def test_as_upstream_of_the_proxy(self):
        (self.directory / "file").write_bytes(bytes(range(256)) * 8000)
        port = free_port() if self.lab.transport == "kernel" else 8081
        program = self.source(f"""
import {{ serve, proxy }} from 'sluice:http';
serve({{ port: Number(process.argv[2]) }}, (req, res) =>
  proxy(req, res, 'http://{self.host}:{port}', {{
    request: {{ set: {{ 'X-From': 'sluice' }} }}, response: {{ set: {{ 'X-Via': 'sluice' }} }} }}));
""")
        server = self.lab.start(program, "8080" if self.lab.transport != "kernel" else "0")
        self.nginx(port, f'location /seen {{ return 200 "$http_x_from $http_x_forwarded_for"; }} location / {{ root {self.directory}; }}')
        done = self.lab.run("curl", "-sS", "-i", self.lab.url(server, "/seen"))
        self.assertIn("x-via: sluice", done.stdout.lower())
        self.assertTrue(done.stdout.endswith(f"\nsluice {self.lab.client_address}"), done.stdout)
        done = self.lab.run("curl", "-sS", self.lab.url(server, "/file"), text=False)
        self.assertEqual(done.stdout, bytes(range(256)) * 8000)
        self.assertIn("404", self.lab.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", self.lab.url(server, "/none")).stdout)
        done = self.lab.run("wrk", "-t1", "-c20", "-d2s", self.lab.url(server, "/seen"))
        self.assertNotIn("Socket errors", done.stdout)
        self.assertNotIn("Non-2xx", done.stdout)

    def test_as_client_with_proxy_pass(self):
        server = self.program("kitchen.mjs", "8080" if self.lab.transport != "kernel" else "0")
        port = free_port() if self.lab.transport == "kernel" else 8081
        self.nginx(port, f"location / {{ proxy_pass http://{self.lab.in_url(self.lab.address)}:{server.port}; proxy_http_version 1.1; "
                   'proxy_set_header Connection ""; }')
        front = f"http://{self.host}:{port}"
        self.assertEqual(self.lab.run("curl", "-sS", front + "/hello").stdout, "Hello, World!\n")
        upload = self.directory / "upload"
        upload.write_bytes((bytes(range(251)) * 8000)[:2_000_000])
        done = self.lab.run("curl", "-sS", "--data-binary", f"@{upload}", front + "/upload")
        self.assertEqual(done.stdout, '{"bytes":2000000,"wrong":0}')
        self.assertEqual(len(self.lab.run("curl", "-sS", front + "/download/5000000", text=False).stdout), 5_000_000)
        done = self.lab.run("wrk", "-t1", "-c20", "-d2s", front + "/hello")
        self.assertNotIn("Socket errors", done.stdout)
        self.assertNotIn("Non-2xx", done.stdout)
