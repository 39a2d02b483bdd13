"""A server that lists as many objects as the bucket's name says, and holds none.

``objects-1000000`` lists a million covers; ``lacking-1000000`` the same but every tenth. nginx makes up each page
when it is asked for, so the server needs no memory and next to no time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers.processes import free_ports, listens, new_directory, running

from .places import Place
from .published import PREFIX
from .sink import nginx_with_lua

CONFIGURATION = """\
{modules}
{user}
worker_processes 1;
error_log stderr error;
pid {directory}/nginx.pid;
events {{ worker_connections 256; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {directory}/body;
    fastcgi_temp_path {directory}/fastcgi;
    proxy_temp_path {directory}/proxy;
    scgi_temp_path {directory}/scgi;
    uwsgi_temp_path {directory}/uwsgi;
    init_by_lua_file {directory}/synthetic.lua;
    server {{
        listen 127.0.0.1:{port};
        location / {{ content_by_lua_block {{ synthetic.list() }} }}
    }}
}}
"""

LUA = """\
synthetic = {}

local entry = "<Contents><Key>PREFIXcovers/%08x-6d0c-4f5e-9a3b-2c1d0e4f6a8b.jpg</Key>"
    .. "<LastModified>2026-01-02T03:04:05.000Z</LastModified>"
    .. '<ETag>&quot;%08xd4b7e6a9c1f0358245689abc&quot;</ETag>'
    .. "<Size>%d</Size><StorageClass>STANDARD</StorageClass></Contents>"

-- The number after that of the key we are to go on after; tokens are numbers.
local function first_wanted(arguments)
    local token = arguments["continuation-token"]
    if token then return tonumber(token) end
    -- Ranges are cut anywhere in a name: what comes after "0001f" is 0x0001f000 and on, after "0001f~" 0x00020000.
    local digits, rest = (arguments["start-after"] or ""):match("^PREFIXcovers/(%x*)(.*)$")
    if not digits then return 0 end
    local is_past = rest:byte() and (#digits == 8 or rest:byte() > 102)
    local filled = digits .. string.rep(is_past and "f" or "0", 8 - #digits)
    return tonumber(filled, 16) + (is_past and 1 or 0)
end

function synthetic.list()
    local arguments = ngx.req.get_uri_args()
    local kind, count = ngx.var.uri:match("^/(%a+)-(%d+)")
    if ngx.req.get_method() ~= "GET" or not kind then return ngx.exit(404) end
    local number, last, page = first_wanted(arguments), tonumber(count) - 1, {}
    while number <= last and #page < 1000 do
        if kind == "objects" or number % 10 ~= 0 then
            page[#page + 1] = entry:format(number, number, 1000 + number % 9973)
        end
        number = number + 1
    end
    local more = number <= last
    local head = "<ListBucketResult><IsTruncated>" .. tostring(more) .. "</IsTruncated>"
    if more then head = head .. "<NextContinuationToken>" .. number .. "</NextContinuationToken>" end
    local document = head .. "<KeyCount>" .. #page .. "</KeyCount>" .. table.concat(page) .. "</ListBucketResult>"
    ngx.header["Content-Type"] = "application/xml"
    ngx.header["Content-Length"] = #document
    ngx.print(document)
end
""".replace("PREFIX", PREFIX)


@contextmanager
def synthetic() -> Iterator[Place]:
    """Yield the server as a place without a bucket."""
    program, modules = nginx_with_lua()
    directory = new_directory("synthetic")
    (port,) = free_ports(1)
    (directory / "synthetic.lua").write_text(LUA)
    configuration = directory / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    configuration.write_text(CONFIGURATION.format(modules=modules, user=user, directory=directory, port=port))
    command = [program, "-p", str(directory), "-c", str(configuration), "-g", "daemon off;"]
    with running(command, directory=directory, answers=lambda: listens(port)):
        yield Place("synthetic", f"http://127.0.0.1:{port}", "us-east-1", "key", "secret", "", lambda: (0, 0))
