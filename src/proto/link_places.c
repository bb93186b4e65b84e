/* SPDX-License-Identifier: BSD-2-Clause */
/* Multipath: the table of paths. Who gets a place in it, and what strangers may draw out of it. */
#include "link_paths.h"

/* What is sent to a place before it has answered, by what came from there: twice as much for
 * probes, and a PATH_RESPONSE beside them (security.md A1: three times). */
#define HEARD_FACTOR 2
#define PROBE_LEN    64
#define MAY_SEND_MAX (6 * PROBE_LEN)

bool path_is_relay(const struct path *path)
{
	return ntm_addr_is_relay(&path->to);
}

struct path *path_find(struct link_paths *paths, const struct ntm_addr *to)
{
	for (size_t i = 0; i < paths->count; i++)
		if (ntm_addr_eq(&paths->item[i].to, to))
			return &paths->item[i];
	return NULL;
}

/* Whether `a` makes room rather than `b`: what does not work first, then what is silent longest. */
static bool is_less(const struct path *a, const struct path *b)
{
	bool works = a->state == NTM_PATH_WORKS;

	if (works != (b->state == NTM_PATH_WORKS))
		return !works;
	return a->heard_ms < b->heard_ms;
}

/* What may make room: nothing that the owner knows of, or strangers would push it out; and nothing
 * that is being tried. */
static struct path *find_useless(struct link_paths *paths)
{
	struct path *least = NULL;

	for (size_t i = 0; i < paths->count; i++) {
		struct path *path = &paths->item[i];

		if (path == paths->current || path->is_given ||
		    (path->state == NTM_PATH_UNKNOWN && path->due_ms >= 0))
			continue;
		if (!least || is_less(path, least))
			least = path;
	}
	return least;
}

static struct path *begin(struct link_paths *paths, struct path *path, const struct ntm_addr *to)
{
	*path = (struct path){.to = *to,
			      .rank = paths->ranks++,
			      .due_ms = -1,
			      .first_ms = -1,
			      .heard_ms = -1,
			      .data_ms = -1,
			      .realtime_ms = -1,
			      .srtt8 = -1,
			      .big_due_ms = -1};
	for (size_t i = 0; i < PATH_PROBES; i++)
		path->probe[i].sent_ms = -1;
	return path;
}

static struct path *add(struct link_paths *paths, const struct ntm_addr *to)
{
	struct path *path =
		paths->count < NTM_LINK_PATHS ? &paths->item[paths->count++] : find_useless(paths);

	return path ? begin(paths, path, to) : NULL;
}

struct path *path_add(struct link_paths *paths, const struct ntm_addr *to)
{
	struct path *path = path_find(paths, to);

	return path ? path : add(paths, to);
}

struct path *path_add_by_force(struct link_paths *paths, const struct ntm_addr *to)
{
	struct path *path = path_add(paths, to), *newest = NULL;

	if (path)
		return path;
	for (size_t i = 0; i < paths->count; i++)
		if (&paths->item[i] != paths->current &&
		    (!newest || paths->item[i].rank > newest->rank))
			newest = &paths->item[i];
	return begin(paths, newest, to);
}

struct path *path_add_given(struct link_paths *paths, const struct ntm_addr *to)
{
	struct path *path = path_find(paths, to);

	if (!path)
		path = add(paths, to);
	if (path)
		path->is_given = true;
	return path;
}

int path_lost(const struct path *path)
{
	return __builtin_popcount(path->lost);
}

void path_note_heard(struct path *path, size_t len)
{
	path->may_send += HEARD_FACTOR * (unsigned)len;
	if (path->may_send > MAY_SEND_MAX)
		path->may_send = MAY_SEND_MAX;
}

bool path_may_send(struct path *path)
{
	if ((path->is_given && !path->is_drawn) || path->state != NTM_PATH_UNKNOWN)
		return true;
	if (path->may_send < PROBE_LEN)
		return false;
	path->may_send -= PROBE_LEN;
	return true;
}
