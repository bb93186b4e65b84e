# SPDX-License-Identifier: BSD-2-Clause
"""An unmodified Kamailio as registrar and record-routing proxy; it knows nothing of NATs."""

CONFIG = """#!KAMAILIO
debug=2
log_stderror=yes
log_prefix_mode=1
children=2
tcp_children=2
auto_aliases=no
dns_try_naptr=yes
dns_cache_flags={family}
{names}
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
{nat_modules}
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_contacts", {contacts})
modparam("tm", "failure_reply_mode", 3)

request_route {{
    if (!mf_process_maxfwd_header("10")) {{
        sl_send_reply("483", "Too Many Hops");
        exit;
    }}
    if (is_method("CANCEL")) {{
        if (t_check_trans())
            t_relay();
        exit;
    }}
    if (!is_method("ACK") && t_check_trans())
        exit;
    {nat_request}
    if (has_totag()) {{
        if (loose_route() || (is_method("ACK") && t_check_trans()))
            t_relay();
        else if (!is_method("ACK"))
            sl_send_reply("404", "Not here");
        exit;
    }}
    if (is_method("REGISTER")) {{
        if (uri == myself)
            save("location");
        else
            sl_send_reply("403", "Not our domain");
        exit;
    }}
    if (is_method("INVITE|SUBSCRIBE"))
        record_route();
    remove_hf("Route");  # it led here
    if (uri == myself && !lookup("location")) {{
        sl_send_reply("404", "Not registered");
        exit;
    }}
    t_relay();
}}
{nat_replies}
"""

# What providers do for users behind NATs: they answer to where it came from, and put that in the
# place of the address that the phone believes to have.
NAT_MODULES = """loadmodule "nathelper.so"
modparam("nathelper|registrar", "received_avp", "$avp(received)")"""
NAT_REQUEST = """force_rport();
    if (is_method("REGISTER"))
        fix_nated_register();
    else
        route(NAT);"""
NAT_REPLIES = """route[NAT] {
    fix_nated_contact();
    if (has_body("application/sdp") && nat_uac_test("256"))
        fix_nated_sdp("10");
}
onreply_route {
    route(NAT);
}"""

IPV6_ONLY = 2


class Kamailio:
    """Serves the domains (names or addresses) at the addresses, UDP and TCP, port 5060.

    It finds other domains by DNS: NAPTR, SRV, addresses. lines: of its configuration, in the place
    of those that come from addrs and domains. nats: it serves users behind NATs as providers do.
    """

    def __init__(self, host, addrs=None, domains=None, contacts=1, lines=None, nats=False):
        lab = host.lab
        addrs = addrs or [host.addr]
        domains = domains or addrs
        quoted = [f"[{a}]" if ":" in a else a for a in addrs]
        names = [*(f'alias="{domain}"' for domain in domains),
                 *(f"listen={p}:{a}:5060" for a in quoted for p in ("udp", "tcp"))]
        config = CONFIG.format(
            names=lines or "\n".join(names), contacts=contacts,
            nat_modules=NAT_MODULES if nats else "", nat_request=NAT_REQUEST if nats else "",
            nat_replies=NAT_REPLIES if nats else "",
            family=0 if any("." in a for a in addrs) else IPV6_ONLY)
        self.host = host
        self.domain = domains[0]
        path = lab.write(config, host.name, "kamailio.cfg")
        program = lab.program("kamailio", "kamailio")
        for addr in addrs:
            host.wait_addr(addr)  # it exits when the address is not there yet
        self.proc = host.start(f"kamailio-{host.name}", [
            program, "-DD", "-E", "-m", "32", "-M", "4", "-f", path, "-Y", lab.out_dir,
            "-P", lab.path(host.name, "kamailio.pid")])
        host.wait_port(5060, "udp", 10)
        if not lines or "tcp:" in lines:
            host.wait_port(5060, "tcp", 10)
