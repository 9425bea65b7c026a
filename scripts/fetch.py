"""Downloads pinned packages, unpacked and not built, into a cache: fetch.py PACKAGE==VERSION...

Prints `PACKAGE==VERSION<tab>FOLDER` for each. Files are taken as they are, without pip's resolver, since some packages
need a newer Python than the one that runs this. The index is the one pip is configured with, and is never printed.
The cache is $RADDLE_CORPUS_CACHE, or ~/.cache/raddle-corpus, with one folder PACKAGE-VERSION for each package.
"""

import hashlib
import html
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor

CACHE = pathlib.Path(os.environ.get("RADDLE_CORPUS_CACHE") or pathlib.Path.home() / ".cache" / "raddle-corpus")
LINK = re.compile(r'<a [^>]*href="([^"]+)"[^>]*>([^<]+)</a>')
ATTEMPTS = 3


def index():
    """The address of the package index, from pip's own settings."""
    for name in ("PIP_INDEX_URL", "UV_INDEX_URL"):
        if os.environ.get(name):
            return os.environ[name].rstrip("/")
    setting = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    answer = subprocess.run(setting, capture_output=True, text=True)
    if answer.returncode == 0 and answer.stdout.strip():
        return answer.stdout.strip().rstrip("/")
    from pip._internal.models.index import PyPI

    return PyPI.simple_url.rstrip("/")


def normalized(name):
    """A name as the index spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read(address):
    """The bytes behind an address; a network that hiccups is asked again."""
    for attempt in range(ATTEMPTS):
        try:
            with urllib.request.urlopen(address, timeout=180) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise LookupError(f"the index answers {error.code}") from None
        except OSError as error:
            if attempt + 1 == ATTEMPTS:
                raise LookupError(f"the index cannot be reached: {type(error).__name__}") from None
    raise AssertionError("the loop returns or raises")


def is_of(file, package, version):
    """Whether a file of the index is this version of the package."""
    for suffix in (".tar.gz", ".zip"):
        if file.endswith(suffix):
            return normalized(file.removesuffix(suffix)) == normalized(f"{package}-{version}")
    parts = file.split("-")
    return file.endswith(".whl") and normalized(parts[0]) == normalized(package) and parts[1] == version


def preference(file):
    """Pure wheels first, then sources, then wheels for this kind of machine."""
    return (not file.endswith("none-any.whl"), not file.endswith(".tar.gz"), "linux" not in file, file)


def unpack(file, data, folder):
    if file.endswith(".tar.gz"):
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            safety = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            archive.extractall(folder, **safety)
    else:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            archive.extractall(folder)


def fetch(package, version, address):
    """The folder of a package's files, downloaded unless it is in the cache."""
    folder = CACHE / f"{normalized(package)}-{version}"
    if (folder / ".done").exists():
        return folder
    page_address = f"{address}/{normalized(package)}/"
    links = {html.unescape(name).strip(): html.unescape(link) for link, name in LINK.findall(read(page_address).decode())}
    files = sorted((file for file in links if is_of(file, package, version)), key=preference)
    if not files:
        raise LookupError("no file of this version in the index")
    link, _, fragment = urllib.parse.urljoin(page_address, links[files[0]]).partition("#")
    data = read(link)
    if fragment.startswith("sha256=") and hashlib.sha256(data).hexdigest() != fragment.removeprefix("sha256="):
        raise LookupError(f"{files[0]} is not what the index says it is")
    CACHE.mkdir(parents=True, exist_ok=True)
    # Unpacked aside and renamed, so that a folder with its own name is whole.
    aside = pathlib.Path(tempfile.mkdtemp(dir=CACHE, prefix=".fetch-"))
    aside.chmod(0o755)
    unpack(files[0], data, aside)
    (aside / ".done").write_text(files[0])
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)
    return folder


def main():
    wanted = sys.argv[1:]
    address = index()

    def one(requirement):
        package, _, version = requirement.partition("==")
        try:
            return requirement, fetch(package, version, address), None
        except (LookupError, tarfile.TarError, zipfile.BadZipFile) as error:
            return requirement, None, error

    failed = False
    with ThreadPoolExecutor(6) as pool:
        for requirement, folder, error in pool.map(one, wanted):
            if error is None:
                print(f"{requirement}\t{folder}", flush=True)
            else:
                failed = True
                print(f"{requirement}: {error}", file=sys.stderr, flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
