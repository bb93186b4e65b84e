/* SPDX-License-Identifier: BSD-2-Clause */
/* Media of exits: what a SIP message of an ordinary server names is reached through the gateway. */
#include "exits_priv.h"

#include "ntm/ippkt.h"

#include <stdlib.h>
#include <string.h>

/* Any doubt passes a message on: routes take milliseconds. */
#define HOLD_MS 300

static struct exit_held *take_first(struct exits *exits)
{
	struct exit_held *first = exits->held;

	exits->held = first->next;
	exits->held_count--;
	return first;
}

static void give(struct exits *exits, struct exit_held *held)
{
	exits->args.tun_write(exits->args.ctx, held->data, held->len);
	free(held);
}

/* In the order in which they came. */
void exits_media_routed(struct exits *exits)
{
	while (exits->held != NULL && exits->held->generation <= exits->routed)
		give(exits, take_first(exits));
}

static void on_timer(void *arg)
{
	struct exits *exits = arg;

	while (exits->held != NULL)
		give(exits, take_first(exits));
}

void exits_media_init(struct exits *exits)
{
	ntm_timer_init(&exits->hold_timer, on_timer, exits);
}

void exits_media_fini(struct exits *exits)
{
	ntm_timer_del(exits->args.timers, &exits->hold_timer);
	while (exits->held != NULL)
		free(take_first(exits));
}

/* False: cannot be kept, pass it on. */
static bool hold(struct exits *exits, const struct ntm_pkt *pkt)
{
	struct exit_held **end = &exits->held;
	struct exit_held *held;

	if (exits->held_count >= EXITS_HELD)
		return false;
	held = malloc(sizeof(*held) + pkt->len);
	if (held == NULL)
		return false;
	held->next = NULL;
	held->generation = exits->routes.generation;
	held->len = pkt->len;
	memcpy(held->data, pkt->data, pkt->len);
	while (*end != NULL)
		end = &(*end)->next;
	*end = held;
	if (exits->held_count++ == 0)
		ntm_timer_set(exits->args.timers, &exits->hold_timer, HOLD_MS);
	return true;
}

static bool has_port(const struct ntm_ports *ports, uint16_t port)
{
	for (size_t i = 0; i < ports->count; i++)
		if (ports->item[i] == port)
			return true;
	return false;
}

static bool may_be_sip(const struct exits *exits, const struct ntm_ippkt *view)
{
	const struct ntm_ports *ports = exits->args.sip_ports;

	return view->proto == NTM_IPPROTO_UDP && !view->is_fragment && ports != NULL &&
	       (has_port(ports, view->sport) || has_port(ports, view->dport)) &&
	       ntm_sip_is_candidate(view->payload, view->payload_len);
}

bool exits_media(struct exits *exits, const struct ntm_ippkt *view, const struct ntm_pkt *pkt)
{
	struct exit_point *point = exits_point(exits, &view->src);
	struct ntm_sip sip;
	bool is_news = false;

	if (point == NULL || !point->conf->media || !may_be_sip(exits, view))
		return false;
	ntm_sip_look(exits->args.sip, view->payload, view->payload_len, &sip);
	for (size_t i = 0; sip.has_sdp && i < sip.media_count; i++)
		is_news |= exits_learn_media(exits, point, &sip.media[i]);
	if (is_news)
		exits_learned(exits);
	/* Behind one that waits, so that none overtakes another. */
	return (is_news || exits->held != NULL) && hold(exits, pkt);
}
