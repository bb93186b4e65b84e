# SPDX-License-Identifier: BSD-2-Clause
"""A resolver with a few names of its own and no way to ask anybody else (unbound)."""

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
    module-config: "iterator"
    local-zone: "." static
{data}
remote-control:
    control-enable: no
"""


class Dns:
    """records: lines such as "sip.ntm.example. 60 IN A 198.18.0.2"; other names do not exist."""

    def __init__(self, host, records, addr=None):
        lab = host.lab
        self.addr = addr or host.addr
        data = "\n".join(f"    local-data: '{record}'" for record in records)
        path = lab.write(CONFIG.format(addr=self.addr, directory=lab.out_dir, data=data),
                         host.name, "unbound.conf")
        self.proc = host.start(f"unbound-{host.name}", [
            lab.program("unbound", "unbound"), "-d", "-c", path])
        host.wait_port(53)
