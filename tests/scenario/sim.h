/* SPDX-License-Identifier: BSD-2-Clause */
/* A whole NTM system in one process: nodes, DCs, NATs and phones on a seeded network in virtual
 * time. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dc.h"
#include "node.h"

#include "ntm/ippkt.h"
#include "ntm/log.h"
#include "ntm/map.h"
#include "ntm/sip.h"
#include "ntm/timers.h"

#define SIM_NOW_S 1800000000 /* UNIX time when a world begins */

/* ---- sim.c: the world and its clock ---- */

struct sim_rng {
	uint64_t state;
};
uint64_t sim_random(struct sim_rng *rng);
/* 0 .. below - 1 */
uint32_t sim_random_below(struct sim_rng *rng, uint32_t below);

/* What a medium does to datagrams. */
struct sim_medium {
	int64_t delay_ms, jitter_ms; /* jitter reorders */
	unsigned loss, dup;          /* per mille */
	size_t most;                 /* bytes of a datagram; longer ones vanish; 0: any */
};

struct sim_packet;
struct sim_call;
/* Sees every datagram that arrives somewhere, before it is handed over. */
typedef void sim_tap_fn(void *arg, const struct ntm_addr *from, const struct ntm_addr *to,
			const uint8_t *data, size_t len);

struct sim_lan {
	struct sim *sim;
	struct sim_medium medium;
	struct ntm_map *places; /* by ip */
	struct sim_nat *gate;   /* where other addresses are; NULL: nowhere */
};

#define SIM_CUTS 4
#define SIM_LIES 8

struct sim {
	struct ntm_timers timers; /* everything that happens is one of these */
	uint64_t seed;
	struct sim_rng rng;
	struct sim_lan internet;
	struct sim_packet *packets; /* on the way */
	struct {
		struct ntm_ip a, b;
	} cut[SIM_CUTS];
	sim_tap_fn *tap;
	void *tap_arg;
	struct ntm_sip_parser *parser;
	struct {
		int64_t delay_ms; /* of an answer */
		unsigned loss;    /* per mille: of answers that never come */
		bool is_signed;   /* all of it validates */
		uint64_t asked;
		struct sim_lie {
			char name[256]; /* "": free */
			uint16_t type;
			char target[256]; /* of a PTR or SRV, text of a TXT; "": */
			struct ntm_ip ip; /* of an A or AAAA; family 0: there is none */
		} lie[SIM_LIES];
	} dns;
	struct sim_query *queries; /* on the way */
	struct sim_want *wants;    /* sim_two.h */
	struct sim_dc *dcs;
	struct sim_node *nodes;
	struct sim_nat *nats;
	struct sim_relay *relays; /* sim_relay.h */
	struct sim_exit *exits;   /* sim_exit.h */
	struct sim_server *servers;

	/* SIP as the hosts' applications sent it, to compare with what arrives. */
	struct ntm_map *sip_sent;
	struct sip_print *sip_prints;
	uint64_t sip_arrived, sip_strange; /* strange: nobody sent it in this form */
	struct sim_call **calls;
	size_t call_count, call_cap;

	uint64_t datagrams, lost, trace; /* trace: hash of all arrivals */
	uint64_t lines;                  /* of log, info and above */
};

/* NTM_SEED, or a fixed number. */
uint64_t sim_seed(void);
struct sim *sim_new(uint64_t seed);
void sim_free(struct sim *sim); /* also checks that no timer was left behind */
void sim_run(struct sim *sim, int64_t ms);
/* Runs until fn says so; false: it did not within limit_ms. */
bool sim_until(struct sim *sim, bool (*fn)(void *arg), void *arg, int64_t limit_ms);
int64_t sim_now(const struct sim *sim);
/* Bytes that this process has allocated now. */
size_t sim_allocated(void);
/* So much of it may be malloc's own cache of freed blocks; little under ASan. */
size_t sim_allocated_slack(void);

/* For cmocka: a fresh world for each test, from sim_seed(). */
int sim_setup(void **state);
int sim_teardown(void **state);
/* Runs a group, names the seed when something failed. */
int sim_main(const char *name, const struct CMUnitTest *tests, size_t count);

/* ---- sim_net.c: datagrams ---- */

struct sim_place {
	struct ntm_ip ip;
	struct sim_lan *lan;
	int64_t extra_ms; /* more delay, each way */
	bool is_down;     /* nothing comes in or goes out */
	void (*deliver)(void *ctx, const struct ntm_addr *from, const struct ntm_addr *to,
			const uint8_t *data, size_t len);
	void *ctx;
};
void sim_lan_init(struct sim_lan *lan, struct sim *sim, struct sim_nat *gate);
void sim_place_add(struct sim_lan *lan, struct sim_place *place);
void sim_place_del(struct sim_place *place);
void sim_send(struct sim_lan *lan, const struct ntm_addr *from, const struct ntm_addr *to,
	      const uint8_t *data, size_t len);
/* The same without medium and loss, as a stranger on the spot would. */
void sim_inject(struct sim_lan *lan, const struct ntm_addr *from, const struct ntm_addr *to,
		const uint8_t *data, size_t len);
/* Nothing passes between the two addresses any more (or again). */
void sim_cut(struct sim *sim, const char *a, const char *b);
void sim_heal(struct sim *sim);
void sim_packets_free(struct sim *sim);
/* A packet from a node to its host arrives in the next run, never in the node's own call. */
void sim_to_host(struct sim_node *node, const uint8_t *data, size_t len);
struct ntm_ip sim_ip(const char *text);
struct ntm_addr sim_addr(const char *ip, uint16_t port);

/* ---- sim_dns.c: DNS as the world's DCs serve it, delegated to all of them ---- */

int sim_dns_ask(struct sim *sim, const char *name, uint16_t type, ntm_dnsclient_fn *fn, void *arg,
		uint64_t *id);
void sim_dns_cancel(struct sim *sim, uint64_t id);
/* From now on DNS says this of a name; an empty target and no ip: there is none. */
void sim_dns_lie(struct sim *sim, const char *name, uint16_t type, const char *target,
		 const char *ip);
/* No more lies. */
void sim_dns_truth(struct sim *sim);
void sim_dns_free(struct sim *sim);

/* ---- sim_nat.c ---- */

enum sim_nat_kind {
	SIM_FULL_CONE,
	SIM_ADDRESS_RESTRICTED,
	SIM_PORT_RESTRICTED,
	SIM_SYMMETRIC,
};
struct sim_nat_mapping;
struct sim_nat {
	struct sim_nat *next;
	struct sim_place outside;
	struct sim_lan inside;
	enum sim_nat_kind kind;
	int64_t timeout_ms; /* since the inside sent last */
	uint16_t next_port;
	struct sim_nat_mapping *mappings;
	struct ntm_map *by_pair, *by_port; /* of them */
	uint64_t refused;                  /* from outside, that no mapping lets in */
};
/* On the internet. */
struct sim_nat *sim_nat_new(struct sim *sim, enum sim_nat_kind kind, const char *outside);
/* Its outside is in that network: behind another NAT. */
struct sim_nat *sim_nat_behind(struct sim_lan *lan, enum sim_nat_kind kind, const char *outside);
void sim_nat_reboot(struct sim_nat *nat); /* forgets all; new ports from now on */
void sim_nat_out(struct sim_nat *nat, const struct ntm_addr *from, const struct ntm_addr *to,
		 const uint8_t *data, size_t len);
void sim_nats_free(struct sim *sim);

/* ---- sim_dc.c ---- */

struct sim_dc {
	struct sim_dc *next;
	struct sim *sim;
	struct sim_place place, place6; /* place6: family 0 without IPv6 */
	struct ntm_addr addr, addr6;
	char domain[64];
	struct ntm_root root;
	struct ntm_keys keys;
	struct store *store;
	struct zone zone;
	struct dc_settings settings;
	struct dc *dc; /* NULL: not running */
	uint64_t sent;
};
/* Runs at once. Number n of several has prefixes 198.(18 + n).0.0/16 and fd00:1:(2 + n)::/48. */
struct sim_dc *sim_dc_new(struct sim *sim, const char *domain, const char *ip);
void sim_dc_kill(struct sim_dc *dc); /* the store stays */
void sim_dc_start(struct sim_dc *dc);
/* Speaks IPv6 as well. */
void sim_dc_add6(struct sim_dc *dc, const char *ip6);
/* Another real address, in DNS too; its nodes have to be told by the test. */
void sim_dc_move(struct sim_dc *dc, const char *ip);
void sim_dcs_free(struct sim *sim);
/* Adds a node and puts a token for it into the store; fills token. */
void sim_dc_token(struct sim_dc *dc, const char *fqdn, struct ntm_token *token);
/* What an operator's `node add` and the node's `join` would leave behind. */
void sim_dc_lease(struct sim_dc *dc, const char *fqdn, struct node_lease *lease);
void sim_dc_revoke(struct sim_dc *dc, const char *fqdn);
void sim_dc_exit(struct sim_dc *dc, const char *fqdn, bool may); /* `ntm-dc node exit` */
/* Each pins the other, as `ntm-dc trust add` of the other's `trust export` does. */
void sim_trust_each_other(struct sim_dc *a, struct sim_dc *b);
/* The pin that `trust export` of whom would give. */
void sim_pin(const struct sim_dc *whom, struct trust_pin *pin);
void sim_trust(struct sim_dc *dc, const struct trust_pin *pin);
void sim_untrust(struct sim_dc *dc, const char *domain);

/* ---- sim_host.c: a node and the host it serves ---- */

typedef void sim_app_fn(void *arg, struct sim_node *node, const struct ntm_ippkt *view);
struct sim_app {
	struct sim_app *next;
	uint16_t port;
	sim_app_fn *fn;
	void *arg;
};

#define SIM_LET_IN    32
#define SIM_NTM_PORT  4330
#define SIM_SIP_PORT  5060
#define SIM_ECHO_PORT 7 /* every host answers there */

struct sim_node {
	struct sim_node *next;
	struct sim *sim;
	struct sim_dc *dc;
	struct sim_place place, place6; /* place6: family 0 without IPv6 */
	struct ntm_addr addr, addr6;    /* its own; what others see may be a NAT's */
	/* Whom its router's firewall lets in over IPv6: where it has sent to; a ring. */
	struct ntm_addr let_in[SIM_LET_IN];
	size_t let_in_count;
	char fqdn[NTM_NAME_MAX + 1];
	struct node_settings settings; /* for the next start */
	struct node_lease lease;
	struct partners partners; /* as it has saved them */
	struct node *node;        /* NULL: not running */
	unsigned registered, lease_changes, partners_changes;
	uint16_t lookups;
	uint64_t sent;
	struct exit_routes routes; /* what leads into its TUN for exits; there in the next run */
	struct ntm_timer routed_timer;
	bool has_upstream; /* its host had a resolver, which sees the world's DNS */
	uint16_t upstream_slot, upstream_id; /* of the last query */

	struct sim_app *apps;
	bool is_proxy;
	/* UDP that no app took. */
	unsigned data_in;
	struct ntm_addr data_from;
	char data[64];
	int64_t data_ms;
	unsigned icmp_in;
	uint8_t icmp_code;
	int64_t icmp_ms;
};
/* Joined, not started. lan: &sim->internet, or a NAT's inside. */
struct sim_node *sim_node_new(struct sim_dc *dc, struct sim_lan *lan, const char *ip,
			      const char *name);
/* Before the start: it has IPv6 as well, behind a firewall, and reaches its DC that way. */
void sim_node_add6(struct sim_node *node, const char *ip6);
void sim_node_start(struct sim_node *node);
void sim_node_stop(struct sim_node *node); /* as `systemctl stop` does */
void sim_node_kill(struct sim_node *node); /* power cut */
/* To another network, and another address there. */
void sim_node_move(struct sim_node *node, struct sim_lan *lan, const char *ip);
/* new, start, and run until it is registered. */
struct sim_node *sim_node_up(struct sim_dc *dc, struct sim_lan *lan, const char *ip,
			     const char *name);
void sim_nodes_free(struct sim *sim);
struct ntm_ip sim_vip(const struct sim_node *node, uint8_t family);

void sim_app_add(struct sim_node *node, uint16_t port, sim_app_fn *fn, void *arg);
void sim_app_del(struct sim_node *node, uint16_t port);
/* An IP packet of the host's, whole, into the TUN. */
void sim_tun(struct sim_node *node, const uint8_t *data, size_t len);
void sim_udp(struct sim_node *node, uint16_t sport, const struct ntm_addr *to, const void *data,
	     size_t len);
/* Text to a VIP of the peer. */
void sim_say(struct sim_node *node, const struct sim_node *to, uint8_t family, uint16_t port,
	     const char *text);
/* Called for what arrives (sim_net.c). */
void sim_host_input(struct sim_node *node, const uint8_t *data, size_t len);

struct sim_lookup {
	int64_t asked_ms, answered_ms; /* answered 0: not yet */
	uint16_t rcode;
	size_t count;
	struct ntm_ip ip; /* of the first answer */
	char target[256]; /* of a PTR */
};
/* The host asks its resolver. */
void sim_resolve(struct sim_node *node, const char *name, uint16_t type, struct sim_lookup *out);

/* True when a's tunnel to b is UP, whoever b is. */
bool sim_is_tunnel(const struct sim_node *a, const struct sim_node *b);
/* Tunnels in any state. */
size_t sim_tunnel_count(const struct sim_node *node);

/* ---- sim_sip.c: phones, and a proxy between them ---- */

enum sim_call_state {
	SIM_CALL_INVITING,
	SIM_CALL_UP,     /* the caller has the 200 OK */
	SIM_CALL_ENDED,  /* BYE was answered */
	SIM_CALL_FAILED, /* words say why */
};

struct sim_media {
	struct sim_node *node;
	struct sim_call *call;
	uint16_t port;
	struct ntm_addr to; /* family 0: not known yet */
	struct ntm_timer timer;
	unsigned sent, received;
	uint16_t next_seq;
	int64_t first_in_ms, last_in_ms, longest_gap_ms;
};

/* How the two behave; zeros take the defaults. */
struct sim_call_args {
	struct sim_node *caller, *proxy, *callee;
	struct sim_node *callee_proxy; /* NULL: the same one */
	uint8_t family;                /* of the VIPs used; 4 */
	int64_t ring_ms;               /* 200 */
	int64_t talk_ms;               /* 2000; < 0: until sim_call_end */
	int64_t rtp_ms;                /* between packets; 20 */
};

struct sim_call {
	struct sim *sim;
	struct sim_call_args args;
	size_t number;
	enum sim_call_state state;
	const char *words;
	struct sim_media a, b; /* caller's, callee's */

	/* Caller. */
	struct ntm_timer invite_timer, bye_timer, talk_timer;
	int64_t invited_ms, invite_wait_ms, bye_ms, bye_wait_ms;
	bool has_provisional;
	int64_t answered_ms;     /* 200 at the caller; 0: not yet */
	unsigned answers;        /* copies of it */
	int64_t first_answer_ms; /* 200 left the callee */
	/* Callee. */
	struct ntm_timer ring_timer, answer_timer;
	bool is_invited, is_acked;
	int64_t answer_wait_ms;
	unsigned answers_sent;
	char ringing[1400], answer[1400]; /* as sent, for copies */
};
struct sim_call *sim_call_new(const struct sim_call_args *args);
void sim_call_end(struct sim_call *call); /* the caller hangs up */
/* Over, or failed. */
bool sim_call_is_over(void *call);
bool sim_call_is_up(void *call);
/* Both heard something of each other. */
bool sim_call_has_media(const struct sim_call *call);
void sim_calls_free(struct sim *sim);
/* Compares a SIP packet with what its sender handed over. */
void sim_sip_arrived(struct sim *sim, const uint8_t *data, size_t len);
/* Makes a host pass on SIP between others: users of its domain, and the proxies of other ones. */
void sim_proxy(struct sim_node *node);
