/* SPDX-License-Identifier: BSD-2-Clause */
/* Nodes are called back after a start of the DC, where they were seen last. */
#include "dc_priv.h"

#include <errno.h>
#include <inttypes.h>

/* A hundred a second. */
#define CALL_LOT 10
#define CALL_MS  100
/* Ten commits a second at most, however many nodes come or move at once. */
#define SAVE_LOT      256
#define SAVE_MS       100
#define SAVE_AGAIN_MS 30000 /* after a failure */

/* ---- calling ---- */

/* The link is nobody's: on_up finds its node by its key, on_down frees it. */
static void call(struct dc *dc, const struct store_node *who)
{
	struct ntm_link_args args = {.purpose = NTM_PURPOSE_NODE,
				     .remote_static = who->key,
				     .candidate_count = 1,
				     .candidates = &who->seen_at,
				     .initiator = true};
	struct ntm_link *link;

	if (who->seen_at.ip.family == 0)
		return;
	/* -EEXIST: it came by itself. */
	if (ntm_link_open(dc->links, &args, &link) == 0)
		dc->recall.called++;
}

static void on_call(void *arg)
{
	struct dc *dc = arg;
	struct store_node who;
	int err = 0;

	for (unsigned i = 0; i < CALL_LOT && !err; i++) {
		err = lookup_seen_after(dc->store, dc->recall.last_id, &who);
		if (err)
			break;
		dc->recall.last_id = who.id;
		call(dc, &who);
	}
	if (!err)
		ntm_timer_set(dc->timers, &dc->recall.call, CALL_MS);
	else if (err != -ENOENT)
		dc_complain(dc, &dc->store_gate, "nodes are not called back: %s",
			    store_words(dc->store));
	else if (dc->recall.called > 0)
		ntm_info("called back %" PRIu64 " nodes where they were last", dc->recall.called);
}

struct registry_node *recall_found(struct dc *dc, const struct ntm_link *link)
{
	struct store_node who;
	int err = lookup_by_key(dc->store, ntm_link_remote_static(link), &who);

	if (err && err != -ENOENT) /* which is: revoked or joined anew since it was called */
		dc_complain(dc, &dc->store_gate, "a node that was called back cannot come in: %s",
			    store_words(dc->store));
	return err ? NULL : registry_add(dc, &who);
}

/* ---- keeping ---- */

static bool is_elsewhere(const struct registry_node *node)
{
	return node->registered && node->link &&
	       !ntm_addr_eq(&node->who.seen_at, ntm_link_remote(node->link));
}

static void on_save(void *arg)
{
	struct dc *dc = arg;
	struct registry_node *node, *nodes[SAVE_LOT];
	struct store_seen seen[SAVE_LOT];
	size_t count = 0, pos = 0;

	while (count < SAVE_LOT && (node = registry_next(&dc->registry, &pos))) {
		if (!is_elsewhere(node))
			continue;
		nodes[count] = node;
		seen[count++] = (struct store_seen){node->who.id, *ntm_link_remote(node->link)};
	}
	if (count == 0)
		return;
	if (lookup_seen_put(dc->store, seen, count) != 0) {
		dc_complain(dc, &dc->store_gate, "where nodes are is not kept: %s",
			    store_words(dc->store));
		ntm_timer_set(dc->timers, &dc->recall.save, SAVE_AGAIN_MS);
		return;
	}
	for (size_t i = 0; i < count; i++)
		nodes[i]->who.seen_at = seen[i].at;
	if (count == SAVE_LOT) /* there may be more */
		ntm_timer_set(dc->timers, &dc->recall.save, SAVE_MS);
}

void recall_note(struct registry_node *node)
{
	struct dc *dc = node->dc;

	if (is_elsewhere(node) && !ntm_timer_armed(&dc->recall.save))
		ntm_timer_set(dc->timers, &dc->recall.save, SAVE_MS);
}

/* ---- life ---- */

void recall_init(struct dc *dc)
{
	ntm_timer_init(&dc->recall.call, on_call, dc);
	ntm_timer_init(&dc->recall.save, on_save, dc);
}

void recall_start(struct dc *dc)
{
	ntm_timer_set(dc->timers, &dc->recall.call, 0);
}

void recall_stop(struct dc *dc)
{
	ntm_timer_del(dc->timers, &dc->recall.call);
	ntm_timer_del(dc->timers, &dc->recall.save);
}
