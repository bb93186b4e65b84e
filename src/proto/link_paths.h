/* SPDX-License-Identifier: BSD-2-Clause */
/* Multipath: the paths of a link, for link_paths.c (which is sent on) and link_probe.c (probes). */
#pragma once

#include "link_priv.h"

#define PATH_PROBES      8    /* that may be open on one path */
#define PATH_WINDOW      32   /* probes that its loss is counted over */
#define PATH_LOSS_MARGIN 3    /* of these: so many more lost count as worse; see is_worse */
#define LINK_CALL_MS     2000 /* since the last real-time packet: there is a call */
#define LINK_BUSY_MS     5000 /* since data was sent last */

struct path_probe {
	int64_t sent_ms; /* -1: not open */
	uint8_t token[8];
	bool is_big;
	bool is_lost; /* counted so; an answer may still come */
};

struct path {
	struct ntm_addr to;
	enum ntm_path_state state;
	bool is_given;       /* by the owner; else heard from, or proven by a handshake */
	bool is_drawn;       /* is tried again because something came from there, not by us */
	unsigned may_send;   /* bytes of probes, to one that is not given, or is drawn, and has not
			      * answered */
	unsigned rank;       /* order of adding; candidates come best first */
	unsigned burst;      /* of probes sent, as long as it is not known whether it works */
	unsigned unanswered; /* probes lost in a row */
	int64_t due_ms;      /* of the next probe; -1: none */
	int64_t probed_ms;
	int64_t first_ms, heard_ms, data_ms, realtime_ms; /* what came by it; -1: never */
	int64_t failed_ms;
	int64_t srtt8;  /* eight times the smoothed round trip; -1: not known */
	int64_t var4;   /* four times its variation */
	uint32_t lost;  /* one bit a probe, the newest lowest */
	uint32_t usual; /* likewise, without those that were lost because it was dead */
	/* Size (RFC 8899): full frames pass, as far as is known. */
	bool is_wide;
	unsigned big_lost;
	int64_t big_due_ms;  /* -1: none */
	int64_t big_sent_ms; /* the last probe of full size, and the first of those lost since */
	int64_t big_first_ms;
	int64_t answered_ms; /* a small one, last */
	struct path_probe probe[PATH_PROBES];
};

struct link_paths {
	size_t count;
	unsigned ranks;         /* given so far */
	struct path *current;   /* into item; NULL before the first session */
	int64_t chosen_ms;      /* one was left for another; -1: not yet in this session */
	int64_t settle_ms;      /* and will not be left for a better one so long */
	int64_t realtime_ms;    /* last real-time packet, either way; -1: never */
	int64_t realtime_in_ms; /* the last that came */
	int64_t data_ms;        /* last data sent */
	int64_t starved_ms;     /* data was sent and no path works since; -1: no */
	bool starved_told;
	struct ntm_bucket answers;
	struct ntm_timer timer;
	struct path item[NTM_LINK_PATHS];
};

/* link_places.c. The three find a place that is known already. NULL: the table is full. */
struct path *path_find(struct link_paths *paths, const struct ntm_addr *to);
struct path *path_add(struct link_paths *paths, const struct ntm_addr *to);
struct path *path_add_given(struct link_paths *paths, const struct ntm_addr *to); /* by the owner */
/* When it is full the newest makes room. */
struct path *path_add_by_force(struct link_paths *paths, const struct ntm_addr *to);
bool path_is_relay(const struct path *path);
int path_lost(const struct path *path); /* of its last PATH_WINDOW probes */
/* len bytes came from there; whether a probe may go there, and takes it from what may be sent. */
void path_note_heard(struct path *path, size_t len);
bool path_may_send(struct path *path);

/* link_paths.c. All but link_paths_new are fine for a link without multipath. */
int link_paths_new(struct ntm_link *link); /* 0 or -ENOMEM */
void link_paths_free(struct ntm_link *link);
/* Facts. */
void link_paths_stop(struct ntm_link *link); /* no session is left */
/* A session was begun with the remote at that place; sets link->remote. True: it is another place
 * than before. */
bool link_paths_on_session(struct ntm_link *link, const struct ntm_addr *remote, bool fresh);
/* An authentic packet of that length came from there; newest: with the highest counter so far. */
void link_paths_on_heard(struct ntm_link *link, const struct ntm_addr *from, size_t len,
			 bool newest);
void link_paths_on_data(struct ntm_link *link, const struct ntm_addr *from, uint8_t cls);
/* Where data goes as well, after a time in which the path that is sent on may have died; or NULL.
 */
const struct ntm_addr *link_paths_spare(const struct ntm_link *link, size_t plain_len);
void link_paths_on_sent(struct ntm_link *link, uint8_t cls, size_t plain_len);
/* An answer to a challenge of ours; calls moved back. */
void link_paths_on_response(struct ntm_link *link, const struct ntm_addr *from,
			    const uint8_t token[static NTM_PATH_TOKEN_LEN]);
void link_paths_on_keepalive(struct ntm_link *link); /* keepalive_ms was set */
void link_paths_also(struct ntm_link *link, const struct ntm_addr *to);
bool link_paths_may_answer(struct ntm_link *link);
/* For link_probe.c. */
void link_paths_on_change(struct ntm_link *link); /* chooses again; may call moved back */
bool link_paths_in_call(const struct ntm_link *link);
bool link_paths_any_works(const struct ntm_link *link);

/* link_probe.c; arms the one timer of multipath. */
void link_probe_init(struct ntm_link *link);
void link_probe_stop(struct ntm_link *link);
/* Tries a path that is not known to work; one of the others is probed out of turn. */
void link_probe_start(struct ntm_link *link, struct path *path);
void link_probe_again(struct ntm_link *link, struct path *path); /* with fewer probes */
void link_probe_soon(struct ntm_link *link, struct path *path);
/* Of a path that has just been found to work; and of one that is sent on in full size: is it still
 * as wide? */
void link_probe_size(struct ntm_link *link, struct path *path);
void link_probe_size_again(struct ntm_link *link, struct path *path);
/* The open probe with that token, or NULL. */
struct path_probe *link_probe_find(struct path *path,
				   const uint8_t token[static NTM_PATH_TOKEN_LEN]);
void link_probe_forget(struct path *path); /* the open ones */
void link_probe_answered(struct ntm_link *link, struct path *path, struct path_probe *probe);
/* In a call: whether the path that is sent on may have died, though it has not failed yet. */
bool link_probe_doubts(const struct ntm_link *link);
void link_probe_wake(struct ntm_link *link); /* the schedule is another one from now on */
