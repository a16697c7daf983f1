"""The desk behind a bureau's own nginx, as docs/how-to/deploy-behind-a-proxy.md sets it up: prefix, websocket, login, hosts, uploads."""

import base64
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from fiscalsim.scenario import home
from tests.browser.real import BASE, CHROMIUM, free_port, headline_of, settled, wait_until_up

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin")
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.skipif(NGINX is None, reason="no nginx on this machine")]
GUIDE = home() / "docs" / "how-to" / "deploy-behind-a-proxy.md"
USER, WORD = "li.na", "correct horse"


def block(kind, after):
    """The fenced block of the guide that follows a heading: what is tested is what the guide says."""
    text = GUIDE.read_text(encoding="utf-8")
    return re.search(rf"## {after}.*?```{kind}\n(.*?)```", text, re.DOTALL)[1]


@pytest.fixture(scope="module")
def proxied(tmp_path_factory):
    """nginx on one free port, the desk on another of this machine only; the settings are the guide's, but for ports and folders."""
    folder = tmp_path_factory.mktemp("proxy")
    outer, inner = free_port(), free_port()
    (folder / "users").write_text(f"{USER}:{{PLAIN}}{WORD}\n")
    os.chmod(folder / "users", 0o644)
    os.chmod(folder, 0o755)
    server = block("nginx", "nginx").replace("listen 80;", f"listen 127.0.0.1:{outer};").replace("127.0.0.1:8501", f"127.0.0.1:{inner}")
    server = server.replace("/etc/nginx/fiscalsim.users", str(folder / "users")).replace("fiscal.example.gov.cn", "127.0.0.1")
    temp = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;" if os.geteuid() == 0 else ""
    head = f"{user}\npid {folder}/pid;\nerror_log {folder}/error.log;\nworker_processes 1;\nevents {{}}\n"
    (folder / "nginx.conf").write_text(f"{head}http {{\naccess_log off;\n{temp}{server}}}\n")
    words = shlex.split(block("bash", "Start").replace("8501", str(inner)).replace("fiscal.example.gov.cn", "127.0.0.1"))
    flags = [word for word in words if word.startswith("--")]
    command = [sys.executable, "-m", "streamlit", "run", str(home() / "app.py"), *flags]
    environment = os.environ | {"FISCALSIM_RUNS": str(folder / "runs"), "FISCALSIM_WORKERS": "1"}
    with open(folder / "log", "w") as log:
        desk = subprocess.Popen(command, cwd=home(), env=environment, stdout=log, stderr=log)
        subprocess.run([NGINX, "-t", "-c", str(folder / "nginx.conf")], check=True, capture_output=True)
        nginx = subprocess.Popen([NGINX, "-c", str(folder / "nginx.conf"), "-g", "daemon off;"], stdout=log, stderr=log)
        try:
            wait_until_up(f"http://127.0.0.1:{inner}/fiscal", folder / "log")
            yield f"http://127.0.0.1:{outer}/fiscal", f"http://127.0.0.1:{inner}/fiscal", folder
        finally:
            nginx.terminate()
            desk.terminate()
            nginx.wait(20)
            desk.wait(20)


def asked(address, user=USER, method="GET", data=None, **headers):
    """Status of a request that carries the user's password, or none."""
    request = urllib.request.Request(address, data=data, method=method, headers=headers)
    if user:
        request.add_header("Authorization", "Basic " + base64.b64encode(f"{user}:{WORD}".encode()).decode())
    try:
        return urllib.request.urlopen(request, timeout=60).status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0  # the connection was closed in the middle of what is too large


def test_nobody_enters_without_the_bureau_s_login(proxied):
    outer, *_ = proxied
    assert asked(f"{outer}/", user="") == 401
    assert asked(f"{outer}/_stcore/health", user="") == 401
    assert asked(f"{outer}/", user="nobody") == 401
    assert asked(f"{outer}/_stcore/health") == 200


def test_what_the_server_tells_about_itself_is_closed(proxied):
    outer, *_ = proxied
    assert asked(f"{outer}/_stcore/metrics") == 404


def test_the_desk_answers_to_its_own_host_names_only(proxied):
    _, inner, _ = proxied
    assert asked(f"{inner}/_stcore/health", user="") == 200
    assert "101" in upgraded(inner, "127.0.0.1")
    assert "403" in upgraded(inner, "evil.example")  # a page of another name that was led here gets no session


def upgraded(address, host):
    """First line of the answer to a websocket's handshake under a host name."""
    port = int(address.split(":")[2].split("/")[0])
    key = base64.b64encode(os.urandom(16)).decode()
    lines = ["GET /fiscal/_stcore/stream HTTP/1.1", f"Host: {host}", f"Origin: http://{host}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall("\r\n".join(lines).encode())
        return line.recv(200).decode().split("\r\n")[0]


def test_an_upload_beyond_the_limit_is_refused_by_the_proxy(proxied):
    outer, *_ = proxied
    assert asked(f"{outer}/_stcore/upload_file/x/y", method="PUT", data=b"0" * 200_000_000) in (0, 413)


def test_the_desk_listens_on_this_machine_only(proxied):
    _, inner, folder = proxied
    port = inner.split(":")[2].split("/")[0]
    listening = subprocess.run(["ss", "-ltnH"], capture_output=True, text=True).stdout if shutil.which("ss") else ""
    mine = [line.split()[3] for line in listening.splitlines() if line.split()[3].endswith(f":{port}")]
    assert all(address.startswith("127.0.0.1:") for address in mine)
    assert "0.0.0.0" not in (folder / "log").read_text()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_whole_desk_works_below_the_prefix_for_the_user_who_signed_in(proxied, browser):
    outer, _, _ = proxied
    context = browser.new_context(locale="zh-CN", viewport={"width": 1366, "height": 768}, http_credentials={"username": USER, "password": WORD})
    page = context.new_page()
    hosts, sockets = set(), []
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.goto(f"{outer}/?s={json.dumps({'v': 1, 'base': BASE, 'lang': 'zh'})}")
    settled(page)
    assert "规划期末" in headline_of(page)
    page.get_by_role("link", name="财力收支").click()
    page.wait_for_url(re.compile("/fiscal/fiscal"))
    settled(page)
    assert sockets and all("/fiscal/_stcore/stream" in url for url in sockets)
    assert hosts == {outer.split("/")[2]}
    assert page.locator("[data-testid=stSidebar]").get_by_text(USER).count() == 1
    context.close()


def test_the_proxy_overwrites_a_forged_name(proxied):
    text = block("nginx", "nginx")
    assert "proxy_set_header X-Remote-User $remote_user;" in text
