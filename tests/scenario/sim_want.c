/* SPDX-License-Identifier: BSD-2-Clause */
/* Wants of nodes with their outcome, and whom the tunnels that come of them lead to. */
#include "sim_two.h"

#include "node_priv.h"
#include "tunnel_priv.h"

#include <errno.h>

#define LIMIT_MS 3200

static void on_result(void *arg, const struct tunnel_result *result)
{
	struct sim_want *want = arg;

	want->took_ms = sim_now(want->from->sim) - want->asked_ms;
	want->err = result->err;
	want->code = result->code;
	if (result->err != 0)
		snprintf(want->words, sizeof(want->words), "%s", result->words);
}

/* The error of a moment ago is told again. */
static void refused(struct sim_want *want, int err, const struct tunnel *tunnel)
{
	want->took_ms = 0;
	want->err = err;
	if (tunnel != NULL && tunnel->state == TUNNEL_FAILED) {
		want->code = tunnel->fail_code;
		snprintf(want->words, sizeof(want->words), "%s", tunnel->fail_words);
	}
}

struct sim_want *sim_want(struct sim_node *from, const struct sim_node *to, enum sim_by by)
{
	struct tunnel_target target = {.fqdn = by == SIM_BY_NAME ? to->fqdn : NULL};
	struct sim_want *want = calloc(1, sizeof(*want));
	const struct tunnel *tunnel = NULL;

	assert_non_null(want);
	*want = (struct sim_want){.next = from->sim->wants, .from = from, .to = to, .took_ms = -1};
	from->sim->wants = want;
	want->asked_ms = sim_now(from->sim);
	want->wait = (struct tunnel_wait){.fn = on_result, .arg = want};
	if (by != SIM_BY_NAME)
		target.vip = sim_vip(to, by == SIM_BY_VIP4 ? 4 : 6);
	if (from->node == NULL) {
		refused(want, -ESHUTDOWN, NULL);
		return want;
	}
	int err = tunnel_want(from->node->tunnels, &target,
			      by == SIM_BY_NAME ? NTM_REASON_NAME : NTM_REASON_DATA, &want->wait,
			      &tunnel);
	if (err == 1)
		want->took_ms = 0;
	else if (err < 0)
		refused(want, err, tunnel);
	return want;
}

bool sim_want_is_over(void *arg)
{
	const struct sim_want *want = arg;

	return want->took_ms >= 0;
}

struct sim_want *sim_want_now(struct sim_node *from, const struct sim_node *to, enum sim_by by)
{
	struct sim_want *want = sim_want(from, to, by);

	if (!sim_until(from->sim, sim_want_is_over, want, LIMIT_MS))
		fail_msg("%s wants %s: nothing in %d ms", from->fqdn, to->fqdn, LIMIT_MS);
	return want;
}

void sim_wants_free(struct sim *sim)
{
	while (sim->wants != NULL) {
		struct sim_want *want = sim->wants;

		sim->wants = want->next;
		free(want);
	}
}

/* ---- what came of it ---- */

const char *sim_last_error(const struct sim_node *node, char words[static 256])
{
	json_t *json = node_status_json(node->node);
	const json_t *newest = json_array_get(json_object_get(json, "last_errors"), 0);
	const char *text = json_string_value(json_object_get(newest, "words"));

	snprintf(words, 256, "%s", text != NULL ? text : "");
	json_decref(json);
	return words;
}

const uint8_t *sim_pair_of(const struct sim_node *a, const struct sim_node *b)
{
	const struct tunnel *tunnel = tunnel_find_up(a->node->tunnels, &b->lease.vip4);

	return tunnel != NULL ? ntm_link_pair(tunnel_link(tunnel)) : NULL;
}

static void on_stored(void *arg, int err, const struct store_node *node)
{
	struct store_node *out = arg;

	if (err == 0)
		*out = *node;
}

/* The store of the domain that the name ends in. */
static const struct sim_dc *dc_of(const struct sim *sim, const char *fqdn)
{
	for (const struct sim_dc *dc = sim->dcs; dc != NULL; dc = dc->next)
		if (ntm_name_under(fqdn, dc->domain))
			return dc;
	fail_msg("%s is of no domain", fqdn);
	return NULL;
}

static void check_peer(const struct sim_node *node, const struct tunnel *t)
{
	const struct sim_dc *dc = dc_of(node->sim, t->fqdn);
	struct store_node who = {.id = 0};

	store_node_by_name(dc->store, t->fqdn, on_stored, &who);
	assert_string_equal(who.fqdn, t->fqdn);
	assert_memory_equal(who.key, t->key, NTM_KEY_LEN);
	assert_memory_equal(dc->root.pub, t->root, NTM_SIGN_PUB_LEN);
	assert_true(ntm_ip_eq(&who.vip4, &t->vip4));
	assert_true(ntm_ip_eq(&who.vip6, &t->vip6));
	assert_memory_equal(ntm_link_remote_static(t->link), t->key, NTM_KEY_LEN);
}

size_t sim_check_peers(const struct sim_node *node)
{
	size_t count = 0;

	if (node->node == NULL)
		return 0;
	for (const struct tunnel *t = node->node->tunnels->list; t != NULL; t = t->next)
		if (t->state == TUNNEL_UP) {
			check_peer(node, t);
			count++;
		}
	return count;
}

void sim_assert_says(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", text, part);
}
