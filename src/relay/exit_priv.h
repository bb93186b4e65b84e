/* SPDX-License-Identifier: BSD-2-Clause */
/* What exit_gate.c (life, links), exit_dc.c (the DC), exit_peers.c (nodes that come), exit_data.c
 * (packets) and exit_show.c share. */
#pragma once

#include "exit_gate.h"

#include "ntm/bucket.h"
#include "ntm/frag.h"
#include "ntm/log.h"
#include "ntm/map.h"
#include "ntm/uplink.h"

/* Revocations that are remembered: a Route Direction from before may come behind them. Of nodes
 * that only may not go out any more, for so long: they may be allowed to again. */
#define EXIT_REVOKED 16
#define EXIT_OFF_MS  5000

/* A node that was directed here. */
struct exit_peer {
	struct exit_gate *gate;
	struct exit_peer *next, **link_in_list;
	struct ntm_cert cert;
	struct ntm_link *link;  /* carries data when up */
	struct ntm_link *newer; /* being connected while link is up */
	bool is_up;
	uint8_t past_pair[NTM_PAIR_LEN];  /* of the last link that is gone */
	int64_t until_ms, newer_until_ms; /* end of the Route Direction, or of the certificate */
	int64_t since_ms, stayed_ms;
	int64_t inner_ms;                                      /* last inner packet, either way */
	uint64_t packets_out, bytes_out, packets_in, bytes_in; /* out: to the servers */
};

struct exit_counters {
	uint64_t packets_out, bytes_out, packets_in, bytes_in; /* out: to the servers */
	uint64_t verdicts[EXIT_VERDICTS];
	uint64_t malformed, spoofed, foreign_error, control_bad, no_tunnel, send_failed;
	uint64_t directions, directions_refused, revoked, looped;
};

struct exit_gate {
	const struct exit_ops *ops;
	void *ctx;
	struct ntm_timers *timers;
	struct ntm_keys keys;
	char fqdn[NTM_NAME_MAX + 1], domain[NTM_NAME_MAX + 1];
	uint8_t root[NTM_SIGN_PUB_LEN], dc_key[NTM_KEY_LEN];
	struct ntm_addr dc_addr[2];
	int64_t idle_ms;
	struct ntm_link_times link_times;
	struct ntm_links *links;
	struct ntm_frags *frags;
	uint16_t frag_id;

	/* exit_dc.c */
	struct {
		struct ntm_uplink *uplink;
		struct ntm_timer ping_timer;
		struct ntm_addr_list told; /* own addresses of the last REGISTER */
		bool behind_nat;
		int64_t ping_ms;
	} dc;

	struct exit_net net; /* as the DC has told it; vips family 0: not yet */
	struct exit_policy policy;

	/* exit_peers.c */
	struct exit_peer *peers;
	size_t peer_count;
	struct ntm_map *by_vip, *by_key;
	struct {
		struct ntm_msg_revoked what;
		int64_t until_ms;
	} revoked[EXIT_REVOKED]; /* a ring */
	size_t revoked_next;
	struct ntm_timer check_timer;

	struct ntm_bucket icmp_bucket;
	struct ntm_log_gate spoof_gate, verdict_gate;
	struct exit_counters counters;
};

/* exit_dc.c */
int exit_dc_init(struct exit_gate *gate);
void exit_dc_fini(struct exit_gate *gate);
void exit_dc_stop(struct exit_gate *gate);
/* Registers again when the own addresses are others. */
void exit_dc_addrs_changed(struct exit_gate *gate);

/* exit_peers.c */
int exit_peers_init(struct exit_gate *gate);
void exit_peers_fini(struct exit_gate *gate);
/* Tells all of them. */
void exit_peers_give_up(struct exit_gate *gate);
/* NULL: the peer may come (and is, or was, taken); else why not. */
const char *exit_peers_direct(struct exit_gate *gate, const struct ntm_msg_route_direction *rd);
void exit_peers_revoke(struct exit_gate *gate, const struct ntm_msg_revoked *revoked);
/* Those that are not in the virtual prefixes any more end. */
void exit_peers_on_net(struct exit_gate *gate);
void exit_peer_on_up(struct exit_peer *peer, struct ntm_link *link);
void exit_peer_on_down(struct exit_peer *peer, struct ntm_link *link);
struct exit_peer *exit_peers_find(const struct exit_gate *gate, const struct ntm_ip *vip);

/* exit_data.c: a plaintext of a peer. */
void exit_data_input(struct exit_peer *peer, struct ntm_pkt *pkt);
void exit_data_ping(struct exit_peer *peer);
