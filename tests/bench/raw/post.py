"""What the account needs for a first import by itself: everyone encoded by one SQL statement, posted by plain sockets.

usage: post.py READY_FILE PROFILES LIST_ID. Prints JSON: seconds from the first request to the end of the last job,
bodies, bytes.
"""

import http.client
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb

MAX_ROWS, MAX_BYTES, OPEN = 39_999, 3_990_000, 10
BOUNDARY = "bench-boundary"

LINES = """
SELECT DISTINCT ON (key) key || ',' || first_name || ',' || last_name || chr(10)
FROM (SELECT lower(trim(email)) AS key, first_name, last_name FROM read_parquet('{profiles}') WHERE email IS NOT NULL)
ORDER BY key
"""


def bodies(profiles: str) -> Iterator[bytes]:
    """CSV files as full as the caps allow."""
    with duckdb.connect() as db:
        rows, size, lines = 0, 0, []
        found = db.execute(LINES.format(profiles=profiles))
        while chunk := found.fetchmany(20_000):
            for (line,) in chunk:
                data = line.encode()
                if rows == MAX_ROWS or size + len(data) > MAX_BYTES:
                    yield b"email,first_name,last_name\n" + b"".join(lines)
                    rows, size, lines = 0, 0, []
                lines.append(data)
                rows, size = rows + 1, size + len(data)
        if lines:
            yield b"email,first_name,last_name\n" + b"".join(lines)


class Account:
    def __init__(self, ready: dict[str, str]) -> None:
        host = ready["api"].split("/")[2]
        self.connection = http.client.HTTPConnection(host)
        self.token = ready["access_token"]

    def ask(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/json"
    ) -> dict[str, object]:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        self.connection.request(method, f"/v3{path}", body, headers)
        answer = self.connection.getresponse()
        data = answer.read()
        assert answer.status in (200, 201), (answer.status, data[:300])
        return json.loads(data)

    def still_open(self) -> int:
        listed = self.ask("GET", "/activities?limit=500")["activities"]
        return sum(each["state"] in ("initialized", "processing") for each in listed)

    def post(self, number: int, data: bytes, list_id: str) -> None:
        head = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="list_ids"\r\n\r\n{list_id}\r\n'
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="bench-{number}.csv"\r\n'
            "Content-Type: text/csv\r\n\r\n"
        )
        form = head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()
        self.ask("POST", "/activities/contacts_file_import", form, f"multipart/form-data; boundary={BOUNDARY}")


def main(ready_file: str, profiles: str, list_id: str) -> None:
    account = Account(json.loads(Path(ready_file).read_text("utf-8")))
    ready = list(bodies(profiles))
    start = time.monotonic()
    for number, data in enumerate(ready):
        while account.still_open() >= OPEN:
            time.sleep(0.05)
        account.post(number, data, list_id)
    while account.still_open():
        time.sleep(0.05)
    seconds = time.monotonic() - start
    print(json.dumps({"seconds": seconds, "bodies": len(ready), "bytes": sum(map(len, ready))}))


if __name__ == "__main__":
    main(*sys.argv[1:])
