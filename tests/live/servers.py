"""Servers and clients for live tests: programs that are run in namespaces."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CLIENT = """
import sys
import boto3
number, verify = int(sys.argv[1]), sys.argv[2]
for url in sys.argv[3:]:
    table = boto3.client("dynamodb", region_name="us-east-1", endpoint_url=url, verify=verify, aws_access_key_id="AKIDEXAMPLE",
                         aws_secret_access_key="example")
    table.create_table(TableName="orders", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                       AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST")
    for at in range(number):
        table.put_item(TableName="orders", Item={"k": {"S": str(at)}})
        table.get_item(TableName="orders", Key={"k": {"S": str(at)}})
    try:
        table.put_item(TableName="orders", Item={"k": {"S": "0"}}, ConditionExpression="attribute_not_exists(k)")
    except table.exceptions.ConditionalCheckFailedException:
        pass
    table.delete_table(TableName="orders")
"""

METADATA = """
import http.server, socket, sys
ttl = int(sys.argv[1])
class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, text, ttl=64):
        self.connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-aws-ec2-metadata-token-ttl-seconds", "21600")
        self.end_headers()
        self.wfile.write(body)
    def do_PUT(self):
        self.answer("TOKEN", ttl)
    def do_GET(self):
        if self.path.endswith("/security-credentials/"):
            return self.answer("role")
        self.answer('{"Code": "Success", "AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "example", "Token": "example",'
                    ' "Expiration": "2099-01-01T00:00:00Z", "Type": "AWS-HMAC", "LastUpdated": "2020-01-01T00:00:00Z"}')
    def log_message(self, *words):
        pass
class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
Server(("169.254.169.254", 80), Answers).serve_forever()
"""

ASKS_METADATA = """
import os, sys
os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://169.254.169.254"
import boto3
boto3.client("dynamodb", region_name="us-east-1", endpoint_url=sys.argv[1]).list_tables()
"""


@contextmanager
def running(command: Sequence[str], **also: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **also)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_port(enter: Sequence[str], host: str, port: int, seconds: float = 20.0) -> None:
    """Wait until somebody listens."""
    program = f"import socket; socket.create_connection(({host!r}, {port}), 0.5).close()"
    deadline = time.monotonic() + seconds
    while subprocess.run([*enter, sys.executable, "-c", program], capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline, f"nobody listens on {host}:{port}"
        time.sleep(0.1)


def certificate(folder: Path, address: str) -> tuple[Path, Path]:
    """Write a self-signed certificate for an address; return its file and that of its key."""
    import datetime
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "server.pem", folder / "server.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return files
