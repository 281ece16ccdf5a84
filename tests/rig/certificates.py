"""Certificates made for one test: an authority, and what it signs. Nothing is kept, and nobody else trusts it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

_CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


@dataclass
class Identity:
    """The files of a certificate and its key (PEM)."""

    certificate: Path
    key: Path


def _openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, f"openssl {' '.join(map(str, words))}\n{done.stderr}"


class Authority:
    """An authority of its own, its files below `directory`."""

    def __init__(self, directory, name="authority"):
        self.directory, self.name = Path(directory), name
        self.certificate, self.key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        _openssl("req", "-x509", *_CURVE, "-days", "2", "-subj", f"/CN=Belfry test {name}", "-keyout", self.key,
                 "-out", self.certificate, "-addext", "basicConstraints=critical,CA:TRUE",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def sign(self, file_name, names, days=2):
        """A certificate for `names` ("IP:127.0.0.1, DNS:sip.example", openssl's subjectAltName). Signing anew under the same
        file name replaces the files, as an operator's renewal does."""
        certificate, key = self.directory / f"{file_name}.pem", self.directory / f"{file_name}.key"
        request, extensions = self.directory / f"{file_name}.csr", self.directory / f"{file_name}.ext"
        extensions.write_text(f"subjectAltName={names}\n")
        _openssl("req", *_CURVE, "-subj", f"/CN={file_name}", "-keyout", key, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days",
                 days, "-extfile", extensions, "-out", certificate)
        return Identity(certificate, key)
