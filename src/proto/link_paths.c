/* SPDX-License-Identifier: BSD-2-Clause */
/* Multipath: the places where the peer of a link may be, and which of them is sent to. */
#include "link_paths.h"

#include <errno.h>
#include <stdlib.h>

/* Round trips that differ by less are the same. */
#define RTT_MARGIN_MS 10
/* A place that answers nothing is tried anew at most so often, when packets come from there. */
#define AGAIN_MS 1000
/* What works is not left for something better so soon after it was chosen. Leaving it all the same,
 * before there was peace for a minute, doubles the next time. */
#define SETTLE_MIN_MS  5000
#define SETTLE_MAX_MS  40000
#define SETTLED_MS     60000
#define FAR_WORSE_LOST 12 /* of PATH_WINDOW */
/* Nothing was heard on the current path for so long: data goes by another one as well, until it is
 * heard again or has failed. That is the first packet after an idle time, as a rule; alone it would
 * be lost with the path, and come again when its sender has waited in vain. */
#define STALE_MS 3000
/* PATH_RESPONSEs a second: in a call each of our paths is challenged 2 to 25 times a second. */
#define ANSWERS_S 60

static int64_t now_of(const struct ntm_link *link)
{
	return links_now(link->links);
}

int link_paths_new(struct ntm_link *link)
{
	struct link_paths *paths = calloc(1, sizeof(*paths));

	if (!paths)
		return -ENOMEM;
	paths->chosen_ms = -1;
	paths->realtime_ms = -1;
	paths->realtime_in_ms = -1;
	paths->data_ms = -1;
	paths->starved_ms = -1;
	ntm_bucket_init(&paths->answers, ANSWERS_S, ANSWERS_S, now_of(link));
	link->paths = paths;
	link_probe_init(link);
	for (size_t i = 0; i < link->candidate_count; i++)
		(void)path_add_given(paths, &link->candidates[i]);
	return 0;
}

void link_paths_free(struct ntm_link *link)
{
	if (!link->paths)
		return;
	link_paths_stop(link);
	free(link->paths);
	link->paths = NULL;
}

void link_paths_stop(struct ntm_link *link)
{
	struct link_paths *paths = link->paths;

	if (!paths)
		return;
	link_probe_stop(link);
	paths->current = NULL;
	paths->starved_ms = -1;
	for (size_t i = 0; i < paths->count; i++) {
		paths->item[i].state = NTM_PATH_UNKNOWN;
		paths->item[i].due_ms = -1;
	}
}

/* ---- which one ---- */

static bool has_rtt(const struct path *path)
{
	return path->srtt8 >= 0;
}

/* The more is lost, the more do two counts differ by chance. */
static bool is_worse(int lost, int other)
{
	return lost >= other + PATH_LOSS_MARGIN + (lost + other) / 4;
}

/* Whether to leave `held` for `path`: loss before kind before round trip. What is not clearly
 * better is left alone, so that two of a kind do not take turns. */
static bool is_better(const struct path *path, const struct path *held)
{
	int lost = path_lost(path), held_lost = path_lost(held);

	if (path->state != NTM_PATH_WORKS)
		return false;
	if (held->state != NTM_PATH_WORKS || is_worse(held_lost, lost))
		return true;
	if (is_worse(lost, held_lost))
		return false;
	if (path_is_relay(path) != path_is_relay(held))
		return path_is_relay(held) && lost <= held_lost;
	if (!has_rtt(path) || !has_rtt(held))
		return false;
	if (path->srtt8 + 8 * RTT_MARGIN_MS < held->srtt8 && path->srtt8 < held->srtt8 / 5 * 4)
		return true;
	return !path_is_relay(path) && path->rank < held->rank &&
	       path->srtt8 <= held->srtt8 + 8 * RTT_MARGIN_MS;
}

/* The peer sends from a new place, and nothing came from the old one since: it has moved, and the
 * old one need not be seen to fail first. */
static bool has_moved(const struct path *path, const struct path *held)
{
	return path->state == NTM_PATH_WORKS && path->first_ms >= 0 &&
	       path->data_ms >= path->first_ms && held->heard_ms < path->first_ms &&
	       !path_is_relay(path);
}

/* So much more is lost that no chance explains it. */
static bool is_far_worse(int lost, int other)
{
	return lost >= FAR_WORSE_LOST + 2 * other;
}

/* One that works is not left for a better one right after it was chosen: on a bad network any of
 * them is the better one at times. */
static bool is_kept(const struct link_paths *paths, const struct path *path, int64_t now_ms)
{
	const struct path *held = paths->current;
	int64_t since_ms = now_ms - paths->chosen_ms;

	if (held->state != NTM_PATH_WORKS || paths->chosen_ms < 0 || since_ms >= paths->settle_ms)
		return false;
	return since_ms < SETTLE_MIN_MS || !is_far_worse(path_lost(held), path_lost(path));
}

static void note_chosen(struct link_paths *paths, int64_t now_ms)
{
	if (paths->chosen_ms < 0 || now_ms - paths->chosen_ms >= SETTLED_MS)
		paths->settle_ms = SETTLE_MIN_MS;
	else if (paths->current->state == NTM_PATH_WORKS && paths->settle_ms < SETTLE_MAX_MS)
		paths->settle_ms *= 2;
	paths->chosen_ms = now_ms;
}

static struct path *choose(struct link_paths *paths, int64_t now_ms)
{
	struct path *best = paths->current;

	for (size_t i = 0; i < paths->count; i++) {
		struct path *path = &paths->item[i];

		if (path != best && ((is_better(path, best) && !is_kept(paths, path, now_ms)) ||
				     has_moved(path, best)))
			best = path;
	}
	return best;
}

void link_paths_on_change(struct ntm_link *link)
{
	struct ntm_links *links = link->links;
	struct link_paths *paths = link->paths;
	struct path *best;

	if (!paths->current)
		return;
	best = choose(paths, now_of(link));
	if (best == paths->current)
		return;
	note_chosen(paths, now_of(link));
	paths->current = best;
	link->remote = best->to;
	link_probe_wake(link);
	if (links->ops.moved)
		links->ops.moved(links->ctx, link, link->owner, &link->remote);
}

/* ---- facts ---- */

static void set_works(struct ntm_link *link, struct path *path)
{
	path->unanswered = 0;
	path->due_ms = -1;
	link->paths->starved_ms = -1;
	link->paths->starved_told = false;
	if (path->state == NTM_PATH_WORKS)
		return;
	path->state = NTM_PATH_WORKS;
	path->is_wide = false;
	link_probe_forget(path); /* those from before tell nothing */
	link_probe_size(link, path);
}

bool link_paths_on_session(struct ntm_link *link, const struct ntm_addr *remote, bool fresh)
{
	struct link_paths *paths = link->paths;
	struct path *path = path_add_by_force(paths, remote);
	bool moved;

	path->heard_ms = now_of(link);
	set_works(link, path);
	if (!fresh && paths->current && paths->current->state == NTM_PATH_WORKS) {
		link_probe_wake(link);
		return false;
	}
	moved = !fresh && !ntm_addr_eq(&link->remote, remote);
	paths->current = path;
	paths->chosen_ms = -1;
	link->remote = path->to;
	for (size_t i = 0; fresh && i < paths->count; i++)
		if (paths->item[i].state != NTM_PATH_WORKS)
			link_probe_start(link, &paths->item[i]);
	link_probe_wake(link);
	return moved;
}

void link_paths_on_heard(struct ntm_link *link, const struct ntm_addr *from, size_t len,
			 bool newest)
{
	struct link_paths *paths = link->paths;
	int64_t now_ms = now_of(link);
	struct path *path = path_find(paths, from);

	if (!path && newest) {
		path = path_add(paths, from);
		if (path && paths->current) /* the peer may have left it for that place */
			link_probe_soon(link, paths->current);
	}
	if (!path)
		return;
	path->heard_ms = now_ms;
	path_note_heard(path, len);
	if (path->first_ms < 0)
		path->first_ms = now_ms;
	if (path->state == NTM_PATH_UNKNOWN && path->due_ms < 0 &&
	    (path->burst == 0 || now_ms - path->probed_ms >= AGAIN_MS)) {
		bool is_again = path->burst > 0;

		link_probe_start(link, path);
		path->is_drawn = is_again;
	} else if (path->state == NTM_PATH_FAILS)
		link_probe_soon(link, path);
}

static bool is_realtime(uint8_t cls)
{
	return cls == 1;
}

static void note_realtime(struct ntm_link *link)
{
	struct link_paths *paths = link->paths;
	bool was_call = link_paths_in_call(link);

	paths->realtime_ms = now_of(link);
	if (!was_call)
		link_probe_wake(link);
}

bool link_paths_in_call(const struct ntm_link *link)
{
	return link->paths->realtime_ms >= 0 &&
	       now_of(link) - link->paths->realtime_ms < LINK_CALL_MS;
}

void link_paths_on_data(struct ntm_link *link, const struct ntm_addr *from, uint8_t cls)
{
	struct path *path = link->paths ? path_find(link->paths, from) : NULL;

	if (path)
		path->data_ms = now_of(link);
	if (path && is_realtime(cls))
		path->realtime_ms = now_of(link);
	if (!link->paths || !is_realtime(cls))
		return;
	note_realtime(link);
	link->paths->realtime_in_ms = now_of(link);
}

bool link_paths_any_works(const struct ntm_link *link)
{
	for (size_t i = 0; i < link->paths->count; i++)
		if (link->paths->item[i].state == NTM_PATH_WORKS)
			return true;
	return false;
}

const struct ntm_addr *link_paths_spare(const struct ntm_link *link, size_t plain_len)
{
	const struct link_paths *paths = link->paths;
	const struct path *spare = NULL;

	if (!paths || !paths->current)
		return NULL;
	if (now_of(link) - paths->current->heard_ms < STALE_MS && !link_probe_doubts(link))
		return NULL;
	for (size_t i = 0; i < paths->count; i++) {
		const struct path *path = &paths->item[i];

		if (path != paths->current && path->state == NTM_PATH_WORKS &&
		    (path->is_wide || plain_len <= NTM_LINK_ROOM_MIN) &&
		    (!spare || path->heard_ms > spare->heard_ms))
			spare = path;
	}
	return spare ? &spare->to : NULL;
}

void link_paths_on_sent(struct ntm_link *link, uint8_t cls, size_t plain_len)
{
	struct link_paths *paths = link->paths;
	int64_t now_ms = now_of(link);
	bool was_busy;

	if (!paths)
		return;
	was_busy = paths->data_ms >= 0 && now_ms - paths->data_ms < LINK_BUSY_MS;
	paths->data_ms = now_ms;
	if (plain_len > NTM_LINK_ROOM_MIN && paths->current)
		link_probe_size_again(link, paths->current);
	if (is_realtime(cls))
		note_realtime(link);
	/* None has to have worked since long ago: it is tried again only now. */
	if ((paths->starved_ms < 0 || !was_busy) && !link_paths_any_works(link)) {
		paths->starved_ms = now_ms;
		paths->starved_told = false;
		was_busy = false;
	}
	if (!was_busy)
		link_probe_wake(link);
}

void link_paths_on_response(struct ntm_link *link, const struct ntm_addr *from,
			    const uint8_t token[static NTM_PATH_TOKEN_LEN])
{
	struct path *path = path_find(link->paths, from);
	struct path_probe *probe = path ? link_probe_find(path, token) : NULL;

	if (!probe)
		return;
	link_probe_answered(link, path, probe);
	set_works(link, path);
	link_paths_on_change(link);
}

bool link_paths_may_answer(struct ntm_link *link)
{
	return ntm_bucket_take(&link->paths->answers, now_of(link));
}

/* ---- what the owner says ---- */

void link_paths_on_keepalive(struct ntm_link *link)
{
	if (link->paths && link_is_alive(link))
		link_probe_wake(link);
}

void link_paths_also(struct ntm_link *link, const struct ntm_addr *to)
{
	struct path *path = link->paths ? path_add_given(link->paths, to) : NULL;

	if (!path || !link_is_alive(link))
		return;
	if (path->state != NTM_PATH_UNKNOWN)
		link_probe_soon(link, path);
	else if (path_is_relay(path) || path->burst == 0)
		link_probe_start(link, path);
	else
		link_probe_again(link, path);
}

size_t ntm_link_paths(const struct ntm_link *link, struct ntm_link_path out[static NTM_LINK_PATHS])
{
	const struct link_paths *paths = link->paths;
	size_t count = paths ? paths->count : 0;

	for (size_t i = 0; i < count; i++) {
		const struct path *path = &paths->item[i];

		out[i] = (struct ntm_link_path){
			.to = path->to,
			.state = path->state,
			.is_current = path == paths->current,
			.is_given = path->is_given,
			.rtt_ms = has_rtt(path) ? path->srtt8 / 8 : -1,
			.loss_pct = (unsigned)path_lost(path) * 100 / PATH_WINDOW,
		};
	}
	return count;
}

size_t ntm_link_room(const struct ntm_link *link)
{
	const struct link_paths *paths = link->paths;

	if (!paths)
		return NTM_PKT_MAX;
	return paths->current && paths->current->is_wide ? NTM_LINK_ROOM_MAX : NTM_LINK_ROOM_MIN;
}
