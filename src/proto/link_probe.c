/* SPDX-License-Identifier: BSD-2-Clause */
/* Multipath: probes of paths. When they are sent, when they count as lost, what follows. */
#include "link_paths.h"

#include <string.h>

/*
 * A path is probed by PATH_CHALLENGEs:
 *
 *   not known   6 of them within 1550 ms, so that both sides' NATs have been opened by then.
 *               Again 6 when a packet from there, or the end of the path sent on, gives reason
 *               to; 2 when the owner does. 6 of 64 bytes are 548 with the INITIATION before them,
 *               to a place that has not answered (security.md A2: 444 with three of them); one
 *               that is only known, or tried again, by packets from there gets what A1 allows.
 *   works       In a call every 100 ms where it is sent on, else every 500 ms; with other data
 *               every second, and 5 s; idle every keepalive_ms (a NAT's mapping), or a relay's
 *               60 s.
 *   fails       In a call every 500 ms, later 5 s; with other data 2 s; idle 25 s.
 *
 * A path fails after three probes in a row were lost, which follow each other every 200 ms, in a
 * call every 40 ms; after four while real-time packets come by it, after two when those that came
 * by the path sent on are absent for 60 ms, after one when they come by another; with 20 ms of
 * resolution and a round trip of 50 ms it is left within 250 ms. What loses a part of all anyhow
 * fails after more, up to 2 s in a call, or it would do so by chance again and again; so that
 * nothing depends on it, what is sent in a call goes by another path as well as soon as one probe
 * or two are missing. Where the round trip is long, probes are sent less often: no more than
 * PROBES_AHEAD before the first is answered or lost.
 */
#define TICK_MS          20 /* in a call */
#define CALL_PROBE_MS    100
#define CALL_SPARE_MS    500
#define CALL_FAILED_MS   5000
#define BUSY_PROBE_MS    1000
#define BUSY_SPARE_MS    5000
#define BUSY_FAILED_MS   2000
#define IDLE_RELAY_MS    60000 /* a relay forgets after 180 s */
#define IDLE_FAILED_MS   25000
#define DOUBT_MS         200 /* between probes of a path that has not answered one */
#define FAILED_LATELY_MS 10000
#define ABSENT_MS        60
#define ABSENT_END_MS    400 /* the peer just does not send any more */
#define LEFT_MS          30
#define ABSENT_PROBE_MS  40
#define SOON_MS          200
#define BURST            6
#define BURST_AGAIN      2
#define UNKNOWN_AGAIN_MS 20000
#define STAGGER_MS       10 /* between the paths of one link */
/* Of a full-sized probe. While full frames are sent BIG_AGAIN_MS of them may be lost in vain, and
 * tries follow each other after BIG_HURRY_MS. */
#define BIG_TRIES    3
#define BIG_RETRY_MS 300
#define BIG_LATER_MS 60000
#define BIG_AGAIN_MS 1000
#define BIG_HURRY_MS 40
/* A probe is lost after the round trip, four times its variation unless that is unknown, ... */
#define WAIT_UNKNOWN_MS 1000
#define WAIT_MIN_MS     60
#define WAIT_MAX_MS     2000
#define VARIATION_MS    40
/* ... but when it is answered after all, the path is slow, not dead. */
#define LATE_MS             3000
#define PROBES_AHEAD        6
#define SELDOM_LOST         8    /* fewer of the last 32 */
#define FAILED_BY_CHANCE_MS 1500 /* what was back sooner was not dead, but lost some in a row */
/* 14 good probes in a row, and a path that had failed counts as one without loss. */
#define LOST_AFTER_FAILING 0xfffc0000U

static int64_t now_of(const struct ntm_link *link)
{
	return links_now(link->links);
}

static bool is_busy(const struct ntm_link *link)
{
	const struct link_paths *paths = link->paths;

	return paths->data_ms >= 0 && now_of(link) - paths->data_ms < LINK_BUSY_MS;
}

/* ---- when ---- */

static int64_t wait_ms(const struct path *path)
{
	int64_t wait;

	if (path->srtt8 < 0)
		return WAIT_UNKNOWN_MS;
	wait = path->srtt8 / 8 + (path->var4 > VARIATION_MS ? path->var4 : VARIATION_MS);
	return wait < WAIT_MIN_MS ? WAIT_MIN_MS : wait > WAIT_MAX_MS ? WAIT_MAX_MS : wait;
}

static bool is_absent(const struct ntm_link *link, const struct path *path)
{
	int64_t since_ms = now_of(link) - path->realtime_ms;

	return path->realtime_ms >= 0 && since_ms >= ABSENT_MS && since_ms < ABSENT_END_MS;
}

static unsigned usually_lost(const struct path *path)
{
	return (unsigned)__builtin_popcount(path->usual);
}

/* In a row, again and again, of a path that does not fail: beyond three, once in 2000 times. */
static unsigned lost_by_chance(const struct path *path)
{
	unsigned lost = usually_lost(path);

	return lost / 4 + lost * lost / 48;
}

/* It has begun to lose, and that is not usual. */
static bool is_doubted(const struct ntm_link *link, const struct path *path)
{
	return usually_lost(path) < SELDOM_LOST && (is_absent(link, path) || path->unanswered > 0);
}

static int64_t idle_interval(const struct ntm_link *link, const struct path *path)
{
	if (link->keepalive_ms > 0)
		return link->keepalive_ms;
	return path_is_relay(path) ? IDLE_RELAY_MS : -1;
}

static int64_t no_sooner(const struct path *path, int64_t interval)
{
	int64_t least = wait_ms(path) / PROBES_AHEAD;

	return interval > least ? interval : least;
}

static int64_t interval_working(const struct ntm_link *link, const struct path *path)
{
	bool is_current = path == link->paths->current;

	if (link_paths_in_call(link) && is_current)
		return no_sooner(path, is_doubted(link, path) ? ABSENT_PROBE_MS : CALL_PROBE_MS);
	if (path->unanswered > 0)
		return no_sooner(path, DOUBT_MS);
	if (link_paths_in_call(link))
		return CALL_SPARE_MS;
	if (is_busy(link))
		return is_current ? BUSY_PROBE_MS : BUSY_SPARE_MS;
	return idle_interval(link, path);
}

static int64_t interval_failing(const struct ntm_link *link, const struct path *path)
{
	bool is_recent = now_of(link) - path->failed_ms < FAILED_LATELY_MS;

	if (link_paths_in_call(link) || (is_busy(link) && !link_paths_any_works(link)))
		return is_recent || path_is_relay(path) || path->unanswered == 0 ? CALL_SPARE_MS
										 : CALL_FAILED_MS;
	return is_busy(link) ? BUSY_FAILED_MS : IDLE_FAILED_MS;
}

static int64_t sooner(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

/* When the next probe is due; -1: none is. What was asked for besides makes no other one late. */
static int64_t due_at(const struct ntm_link *link, const struct path *path)
{
	int64_t interval;

	if (path->state == NTM_PATH_UNKNOWN)
		return path->due_ms;
	interval = path->state == NTM_PATH_WORKS ? interval_working(link, path)
						 : interval_failing(link, path);
	return sooner(path->due_ms, interval < 0 ? -1 : path->probed_ms + interval);
}

static int64_t next_at(const struct ntm_link *link)
{
	const struct link_paths *paths = link->paths;
	int64_t starved_at = paths->starved_ms + NTM_LINK_STARVED_MS;
	int64_t at_ms = -1;

	/* Past it, when nothing was sent meanwhile: any later probe looks again. */
	if (paths->starved_ms >= 0 && !paths->starved_told && starved_at > now_of(link))
		at_ms = starved_at;
	for (size_t i = 0; i < paths->count; i++) {
		const struct path *path = &paths->item[i];

		at_ms = sooner(at_ms, due_at(link, path));
		if (path->state == NTM_PATH_WORKS)
			at_ms = sooner(at_ms, path->big_due_ms);
		for (size_t k = 0; k < PATH_PROBES; k++)
			if (path->probe[k].sent_ms >= 0 && !path->probe[k].is_lost)
				at_ms = sooner(at_ms, path->probe[k].sent_ms + wait_ms(path));
	}
	return at_ms;
}

static void arm(struct ntm_link *link)
{
	int64_t now_ms = now_of(link);
	int64_t at_ms;

	if (!link_is_alive(link)) {
		link_probe_stop(link);
		return;
	}
	at_ms = link_paths_in_call(link) ? now_ms + TICK_MS : next_at(link);
	if (at_ms < 0)
		ntm_timer_del(link->links->timers, &link->paths->timer);
	else
		ntm_timer_set(link->links->timers, &link->paths->timer, at_ms - now_ms);
}

void link_probe_wake(struct ntm_link *link)
{
	ntm_timer_set(link->links->timers, &link->paths->timer, 0);
}

/* ---- sending ---- */

static struct path_probe *free_probe(struct path *path)
{
	struct path_probe *oldest = &path->probe[0];

	for (size_t i = 0; i < PATH_PROBES; i++) {
		struct path_probe *probe = &path->probe[i];

		if (probe->sent_ms < 0)
			return probe;
		if (probe->sent_ms < oldest->sent_ms)
			oldest = probe;
	}
	return oldest;
}

static void send_probe(struct ntm_link *link, struct path *path, bool is_big)
{
	struct path_probe *probe = free_probe(path);

	probe->sent_ms = now_of(link);
	probe->is_big = is_big;
	probe->is_lost = false;
	ntm_random(probe->token, sizeof(probe->token));
	if (!is_big)
		path->probed_ms = probe->sent_ms;
	link_path_send_challenge(link, &path->to, probe->token, is_big ? NTM_LINK_ROOM_MAX : 0);
}

void link_probe_start(struct ntm_link *link, struct path *path)
{
	path->burst = 0;
	path->is_drawn = false;
	path->due_ms = now_of(link) + (int64_t)path->rank % NTM_LINK_PATHS * STAGGER_MS;
	link_probe_wake(link);
}

void link_probe_again(struct ntm_link *link, struct path *path)
{
	if (path->due_ms >= 0)
		return;
	link_probe_start(link, path);
	path->burst = BURST - BURST_AGAIN;
}

void link_probe_soon(struct ntm_link *link, struct path *path)
{
	int64_t at_ms = path->probed_ms + SOON_MS;

	if (path->due_ms < 0)
		path->due_ms = at_ms > now_of(link) ? at_ms : now_of(link);
	link_probe_wake(link);
}

void link_probe_size(struct ntm_link *link, struct path *path)
{
	path->big_lost = 0;
	path->big_due_ms = now_of(link);
	link_probe_wake(link);
}

void link_probe_size_again(struct ntm_link *link, struct path *path)
{
	if (path->is_wide && path->big_due_ms < 0 &&
	    now_of(link) - path->big_sent_ms >= BIG_AGAIN_MS)
		link_probe_size(link, path);
}

static void send_due(struct ntm_link *link, struct path *path)
{
	int64_t now_ms = now_of(link);
	int64_t at_ms = due_at(link, path);

	if (at_ms < 0 || at_ms > now_ms)
		return;
	path->due_ms = -1;
	if (path->state == NTM_PATH_UNKNOWN && ++path->burst < BURST)
		path->due_ms = now_ms + (25 << path->burst); /* 50, 100, 200, ... */
	if (path_may_send(path))
		send_probe(link, path, false);
}

static void send_due_big(struct ntm_link *link, struct path *path)
{
	int64_t now_ms = now_of(link);

	if (path->state != NTM_PATH_WORKS || path->big_due_ms < 0 || path->big_due_ms > now_ms)
		return;
	path->big_due_ms = now_ms + BIG_LATER_MS;
	path->big_sent_ms = now_ms;
	if (path->big_lost == 0)
		path->big_first_ms = now_ms;
	send_probe(link, path, true);
}

/* ---- what comes of them ---- */

struct path_probe *link_probe_find(struct path *path,
				   const uint8_t token[static NTM_PATH_TOKEN_LEN])
{
	for (size_t i = 0; i < PATH_PROBES; i++) {
		struct path_probe *probe = &path->probe[i];

		if (probe->sent_ms >= 0 && ntm_secret_eq(probe->token, token, sizeof(probe->token)))
			return probe;
	}
	return NULL;
}

void link_probe_forget(struct path *path)
{
	for (size_t i = 0; i < PATH_PROBES; i++)
		path->probe[i].sent_ms = -1;
}

/* RFC 6298 2, in milliseconds. */
static void note_rtt(struct path *path, int64_t rtt)
{
	int64_t off;

	if (path->srtt8 < 0) {
		path->srtt8 = 8 * rtt;
		path->var4 = 2 * rtt;
		return;
	}
	off = path->srtt8 / 8 - rtt;
	path->var4 += ((off < 0 ? -off : off) * 4 - path->var4) / 4;
	path->srtt8 += rtt - path->srtt8 / 8;
}

/* What was lost in a row before was chance, unless the path was dead meanwhile. */
static void note_answered(const struct ntm_link *link, struct path *path)
{
	bool was_dead = path->state != NTM_PATH_WORKS &&
			now_of(link) - path->failed_ms >= FAILED_BY_CHANCE_MS;

	for (unsigned i = 0; i < path->unanswered && !was_dead; i++)
		path->usual = path->usual << 1 | 1;
	path->usual <<= 1;
	path->lost <<= 1;
}

void link_probe_answered(struct ntm_link *link, struct path *path, struct path_probe *probe)
{
	if (probe->is_big) {
		path->is_wide = true;
		path->big_lost = 0;
		path->big_due_ms = -1;
	} else {
		note_rtt(path, now_of(link) - probe->sent_ms);
		path->answered_ms = now_of(link);
		if (!probe->is_lost)
			note_answered(link, path);
	}
	probe->sent_ms = -1;
}

/* Narrow is what lets small probes pass meanwhile; what lets nothing pass is something else. */
static void on_big_lost(struct ntm_link *link, struct path *path)
{
	unsigned tries = BIG_TRIES + (path->is_wide ? lost_by_chance(path) : 0);
	bool is_narrow = ++path->big_lost >= tries;

	if (path->is_wide) {
		is_narrow = is_narrow && path->answered_ms > path->big_first_ms;
		link_probe_soon(link, path);
	}
	if (!is_narrow) {
		path->big_due_ms =
			now_of(link) +
			(path->is_wide && path->big_lost < tries ? BIG_HURRY_MS : BIG_RETRY_MS);
		return;
	}
	path->is_wide = false;
	path->big_lost = 0;
	path->big_due_ms = now_of(link) + BIG_LATER_MS;
}

/* It has told nothing before, and a path that comes and goes is no reason to ask it all the time.
 */
static bool is_rested(const struct ntm_link *link, const struct path *path)
{
	return path->burst == 0 || now_of(link) - path->probed_ms >= UNKNOWN_AGAIN_MS;
}

static void fail(struct ntm_link *link, struct path *path)
{
	struct link_paths *paths = link->paths;

	path->state = NTM_PATH_FAILS;
	path->failed_ms = now_of(link);
	path->lost = LOST_AFTER_FAILING;
	path->big_due_ms = -1;
	if (path != paths->current)
		return;
	for (size_t i = 0; i < paths->count; i++)
		if (paths->item[i].state == NTM_PATH_UNKNOWN && is_rested(link, &paths->item[i]))
			link_probe_start(link, &paths->item[i]);
	if (paths->starved_ms < 0 && is_busy(link) && !link_paths_any_works(link))
		paths->starved_ms = now_of(link);
}

/* The peer's real-time packets come by another path now: it has left this one. */
static bool is_left(const struct ntm_link *link, const struct path *path)
{
	int64_t since_ms = now_of(link) - path->realtime_ms;

	return path->realtime_ms >= 0 && since_ms >= LEFT_MS && since_ms < ABSENT_END_MS &&
	       now_of(link) - link->paths->realtime_in_ms < LEFT_MS;
}

/* Probes lost in a row that make it fail. When the peer's packets stay away as well, there is less
 * doubt; when they come, there is more. */
static unsigned lost_limit(const struct ntm_link *link, const struct path *path)
{
	unsigned more = lost_by_chance(path);
	bool comes = path->realtime_ms >= 0 && now_of(link) - path->realtime_ms < ABSENT_MS;

	if (is_left(link, path))
		return 1 + (path->usual != 0) + more;
	if (!link_paths_in_call(link))
		return 3 + more;
	return (is_absent(link, path) ? 2 : 3 + comes) + more;
}

bool link_probe_doubts(const struct ntm_link *link)
{
	const struct path *path = link->paths->current;

	return link_paths_in_call(link) &&
	       path->unanswered >= (is_absent(link, path) || is_left(link, path) ? 1 : 2);
}

/* The peer has left it, and it has not answered before. */
static void check_left(struct ntm_link *link, struct path *path)
{
	if (path->state == NTM_PATH_WORKS && is_left(link, path) &&
	    path->unanswered >= lost_limit(link, path))
		fail(link, path);
}

static void on_lost(struct ntm_link *link, struct path *path)
{
	unsigned limit = lost_limit(link, path);

	path->unanswered++;
	path->lost = path->lost << 1 | 1;
	if (path->state == NTM_PATH_FAILS)
		path->lost = LOST_AFTER_FAILING;
	else if (path->unanswered >= limit)
		fail(link, path);
}

static void expire(struct ntm_link *link, struct path *path)
{
	int64_t now_ms = now_of(link);

	for (size_t i = 0; i < PATH_PROBES; i++) {
		struct path_probe *probe = &path->probe[i];

		if (probe->sent_ms >= 0 && now_ms - probe->sent_ms >= LATE_MS)
			probe->sent_ms = -1;
		if (probe->sent_ms < 0 || probe->is_lost || now_ms - probe->sent_ms < wait_ms(path))
			continue;
		probe->is_lost = true;
		if (probe->is_big)
			on_big_lost(link, path);
		else if (path->state != NTM_PATH_UNKNOWN)
			on_lost(link, path);
	}
}

static void tell_starved(struct ntm_link *link)
{
	struct ntm_links *links = link->links;
	struct link_paths *paths = link->paths;
	int64_t now_ms = now_of(link);

	if (paths->starved_ms < 0 || paths->starved_told ||
	    now_ms - paths->starved_ms < NTM_LINK_STARVED_MS ||
	    now_ms - paths->data_ms >= NTM_LINK_STARVED_MS)
		return;
	paths->starved_told = true;
	if (links->ops.starved)
		links->ops.starved(links->ctx, link, link->owner);
}

static void tick(struct ntm_link *link)
{
	struct link_paths *paths = link->paths;

	for (size_t i = 0; i < paths->count; i++)
		expire(link, &paths->item[i]);
	check_left(link, paths->current);
	link_paths_on_change(link);
	if (link->dead || !link_is_alive(link))
		return;
	for (size_t i = 0; i < paths->count; i++) {
		send_due(link, &paths->item[i]);
		send_due_big(link, &paths->item[i]);
	}
	tell_starved(link);
	if (!link->dead)
		arm(link);
}

static void on_timer(void *arg)
{
	struct ntm_link *link = arg;
	struct ntm_links *links = link->links;

	links_enter(links);
	if (link_is_alive(link) && link->paths->current)
		tick(link);
	links_leave(links);
}

void link_probe_init(struct ntm_link *link)
{
	ntm_timer_init(&link->paths->timer, on_timer, link);
}

void link_probe_stop(struct ntm_link *link)
{
	ntm_timer_del(link->links->timers, &link->paths->timer);
	for (size_t i = 0; i < link->paths->count; i++)
		link_probe_forget(&link->paths->item[i]);
}
