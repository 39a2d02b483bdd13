"""A server that takes whatever is sent and is not the bottleneck: nginx, with DAV PUT into memory.

It checks no signature and keeps no metadata. It lists every bucket as empty and answers what the clients of the
benchmark need to hear. A delay is added here and not by a proxy in front, which would become the limit.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.absent import ServerAbsent, program_path
from tests.servers.processes import free_ports, listens, new_directory, running

from .corpus import scratch

ADDED_BY = "apt-get install -y --no-install-recommends nginx libnginx-mod-http-lua"
MODULES = Path("/usr/lib/nginx/modules")
BUCKET = "sink"

CONFIGURATION = """\
{modules}
{user}
worker_processes 2;
error_log stderr error;
pid {directory}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_max_body_size 0;
    client_body_temp_path {data}/incoming;
    {body_first}
    fastcgi_temp_path {directory}/fastcgi;
    proxy_temp_path {directory}/proxy;
    scgi_temp_path {directory}/scgi;
    uwsgi_temp_path {directory}/uwsgi;
    init_by_lua_file {directory}/sink.lua;
    server {{
        listen 127.0.0.1:{port};
        root {data}/objects;
        location / {{
            dav_methods PUT DELETE;
            create_full_put_path on;
            access_by_lua_block {{ sink.answer({delay}) }}
            header_filter_by_lua_block {{ sink.dress() }}
        }}
    }}
}}
"""

LUA = """\
sink = {}

local begin = "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"
local complete = '<CompleteMultipartUploadResult><ETag>"00000000000000000000000000000000-1"</ETag>'
    .. "</CompleteMultipartUploadResult>"
local empty = "<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>0</KeyCount></ListBucketResult>"

local function say(document)
    ngx.header["Content-Type"] = "application/xml"
    ngx.header["Content-Length"] = #document
    ngx.print(document)
    return ngx.exit(200)
end

function sink.answer(delay)
    local method = ngx.req.get_method()
    if delay > 0 then
        ngx.req.read_body()
        ngx.sleep(delay)
    end
    if method == "PUT" then
        if ngx.var.arg_partNumber then
            ngx.req.set_uri(ngx.var.uri .. ".part" .. ngx.var.arg_partNumber)
        end
    elseif method == "POST" then
        ngx.req.read_body()
        return say(ngx.var.arg_uploadId and complete or begin)
    elseif method == "GET" and (ngx.var.arg_prefix or ngx.var["arg_list-type"]) then
        return say(empty)
    end
end

-- S3 says 200 where DAV says 201, and the content's MD5 as ETag, which we take from the request.
function sink.dress()
    if ngx.req.get_method() ~= "PUT" then return end
    ngx.status = 200
    local md5 = ngx.decode_base64(ngx.var.http_content_md5 or "")
    if not md5 or #md5 ~= 16 then md5 = string.rep("\\0", 16) end
    ngx.header["ETag"] = '"' .. md5:gsub(".", function(c) return string.format("%02x", c:byte()) end) .. '"'
    ngx.header["Content-Length"] = 0
    ngx.header["Location"] = nil
end
"""


@contextmanager
def sink(delay: float = 0.0) -> Iterator[tuple[str, Path]]:
    """Yield the sink's URL, and the folder that what is sent to it appears in; *delay* is in seconds, per answer."""
    program, modules = nginx_with_lua()
    directory = new_directory("sink")
    (port,) = free_ports(1)
    with scratch("sink") as data:
        (data / "objects" / BUCKET).mkdir(parents=True)
        (directory / "sink.lua").write_text(LUA)
        configuration = directory / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(
                user="user root;" if os.geteuid() == 0 else "",
                modules=modules,
                directory=directory,
                data=data,
                port=port,
                delay=delay,
                # The delay begins when the whole request is there; DAV wants it in a file.
                body_first="client_body_in_file_only clean;" if delay else "",
            )
        )
        command = [program, "-p", str(directory), "-c", str(configuration), "-g", "daemon off;"]
        with running(command, directory=directory, answers=lambda: listens(port)):
            yield f"http://127.0.0.1:{port}", data / "objects" / BUCKET


def nginx_with_lua() -> tuple[str, str]:
    """Return nginx's path and the lines of configuration that load its Lua module."""
    program = program_path("nginx", added_by=ADDED_BY)
    modules = [MODULES / "ndk_http_module.so", MODULES / "ngx_http_lua_module.so"]
    if not all(module.exists() for module in modules):
        raise ServerAbsent("nginx's Lua module", ADDED_BY)
    return program, "\n".join(f"load_module {module};" for module in modules)
