# SPDX-License-Identifier: BSD-2-Clause
"""Resolvers (unbound) of several kinds, and dig to ask them."""

import re

from lablib.netns import command
from lablib.verdict import check

CONFIG = """server:
    interface: {addr}
    access-control: 0.0.0.0/0 allow
    access-control: ::/0 allow
    username: ""
    chroot: ""
    directory: "{directory}"
    pidfile: ""
    use-syslog: no
    verbosity: 1
    do-daemonize: no
    module-config: "{modules}"
{server}
remote-control:
    control-enable: yes
    control-interface: "{control}"
    control-use-cert: no
{clauses}
"""


class Unbound:
    """An unbound, running. server: lines of its section server; clauses: sections of its own."""

    def __init__(self, host, server="", clauses="", modules="iterator", addr=None):
        lab = host.lab
        self.addr = addr or host.addr
        self.control = f"{lab.scratch(host.name)}/unbound"
        self.conf = lab.write(CONFIG.format(
            addr=self.addr, directory=lab.out_dir, modules=modules, server=server,
            control=self.control, clauses=clauses), host.name, "unbound.conf")
        self.program = lab.program("unbound-control", "unbound")
        self.proc = host.start(f"unbound-{host.name}", [
            lab.program("unbound", "unbound"), "-d", "-c", self.conf])
        host.wait_port(53)

    def tell(self, *words):
        return command([self.program, "-c", self.conf, *words])

    def flush(self):
        """Forgets all that it was ever told."""
        self.tell("flush_zone", ".")
        self.tell("flush_infra", "all")

    def lie(self, record):
        """Answers with the record from now on, whatever the world says."""
        self.tell("local_data", *record.split())

    def stop_lying(self, name):
        self.tell("local_zone_remove", name)


class Dns(Unbound):
    """A resolver with a few names of its own and no way to ask anybody else.

    records: lines such as "sip.ntm.example. 60 IN A 198.18.0.2"; other names do not exist.
    """

    def __init__(self, host, records, addr=None):
        data = [f"    local-data: '{record}'" for record in records]
        super().__init__(host, "\n".join(['    local-zone: "." static', *data]), addr=addr)


class Answer:
    """What dig said."""

    def __init__(self, text):
        found = re.search(r"status: (\w+), id", text)
        check(found, f"dig got no answer: {text.strip()[-200:]}")
        self.text = text
        self.status = found[1]
        self.flags = re.search(r"flags: ([^;]*);", text)[1].split()
        self.edns = "EDNS: version: 0" in text
        self.records = [line.split(maxsplit=4) for line in text.splitlines()
                        if line and not line.startswith(";")]

    def data(self, kind):
        return [record[4] for record in self.records if record[3] == kind]


class Dig:
    """Asks one server from one host."""

    def __init__(self, host, server):
        self.host = host
        self.server = server
        self.program = host.lab.program("dig", "bind9-dnsutils")
        self.count = 0

    def ask(self, name, kind, *options):
        self.count += 1
        return Answer(self.host.run(self.program, f"@{self.server}", "+noall", "+comments",
                                    "+answer", "+authority", "+tries=2", "+time=2", "+norecurse",
                                    *options, name, kind))

    def expect(self, name, kind, data, *options):
        """The answer has these records of the kind and no others."""
        answer = self.ask(name, kind, *options)
        check(answer.status == "NOERROR", f"{name} {kind}: {answer.status}")
        check(sorted(answer.data(kind)) == sorted(data), f"{name} {kind}: {answer.text}")
        return answer

    def expect_none(self, name, kind, status, *options):
        """No data, and an SOA that says for how long."""
        answer = self.ask(name, kind, *options)
        check(answer.status == status, f"{name} {kind}: {answer.status}, not {status}")
        soa = [r[3] for r in answer.records] == ["SOA"]
        check(soa == (status != "REFUSED"), f"{name} {kind}: {answer.text}")
        return answer
