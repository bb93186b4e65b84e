/* SPDX-License-Identifier: BSD-2-Clause */
/* SIP messages that wait for tunnels: a bounded queue that keeps the order of each dialog. */
#include "sip_held.h"

#include "ntm/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 128
/* RFC 3261 13.3.1.4: a 2xx is resent for 64 * T1, so its copies may come that long. */
#define COPIES_MS 32000
#define LET_GO    SIPWATCH_HELD_MAX
/* sip.md 1: 256 KiB in all. */
_Static_assert(256 * 1024 / (NTM_PKT_MAX + NTM_PKT_TAILROOM) >= SIPWATCH_HELD_MAX,
	       "what is held needs a bound of bytes");

/* Pending: tunnels that are not settled yet. With none left it goes as soon as nothing of its
 * dialog is in front of it; one that waits behind others only had none from the start. */
struct sip_held_entry {
	struct sip_held *owner;
	struct sip_held_entry *next, *prev;
	enum sipwatch_way way;
	struct ntm_ip peer;
	struct ntm_sip sip;
	uint8_t *data;
	size_t len;
	unsigned pending;
	size_t wait_count;
	struct tunnel_wait wait[NTM_SIP_MEDIA_MAX];
	struct ntm_timer timer;
	enum sip_held_why why;
	char words[WORDS];
	int64_t direction_ms;
};

struct let_go {
	uint64_t hash;
	int64_t at_ms;
};

struct sip_held {
	struct sip_held_args args;
	struct sip_held_entry *head, *tail; /* oldest first */
	size_t count;
	struct let_go let_go[LET_GO]; /* a ring */
	size_t let_go_count, let_go_next;
};

const char *sip_held_why_name(enum sip_held_why why)
{
	static const char *const names[] = {
		[SIP_HELD_WAITING] = "waiting",   [SIP_HELD_UP] = "tunnel up",
		[SIP_HELD_DEADLINE] = "deadline", [SIP_HELD_FAILED] = "tunnel failed",
		[SIP_HELD_FLUSHED] = "flushed",
	};

	return names[why];
}

struct sip_held *sip_held_new(const struct sip_held_args *args)
{
	struct sip_held *held = calloc(1, sizeof(*held));

	if (held != NULL)
		held->args = *args;
	return held;
}

static void stop_waiting(struct sip_held_entry *entry, enum sip_held_why why)
{
	for (size_t i = 0; i < entry->wait_count; i++)
		tunnel_wait_cancel(&entry->wait[i]);
	ntm_timer_del(entry->owner->args.timers, &entry->timer);
	entry->pending = 0;
	entry->why = why;
}

static void drop(struct sip_held_entry *entry)
{
	struct sip_held *held = entry->owner;

	stop_waiting(entry, entry->why);
	*(entry->prev != NULL ? &entry->prev->next : &held->head) = entry->next;
	*(entry->next != NULL ? &entry->next->prev : &held->tail) = entry->prev;
	held->count--;
	free(entry->data);
	free(entry);
}

void sip_held_free(struct sip_held *held)
{
	if (held == NULL)
		return;
	while (held->head != NULL)
		drop(held->head);
	free(held);
}

static bool is_copy(const struct sip_held_entry *entry, const struct sip_msg *msg)
{
	const struct ntm_sip *a = &entry->sip, *b = msg->sip;

	return entry->way == msg->way && a->kind == b->kind && a->method == b->method &&
	       a->status == b->status && a->cseq == b->cseq &&
	       strcmp(a->call_id, b->call_id) == 0 && strcmp(a->from_tag, b->from_tag) == 0 &&
	       strcmp(a->to_tag, b->to_tag) == 0;
}

/* In requests of the other side the tags are swapped. One without a To tag (CANCEL) is about all
 * forks. */
static bool is_same_dialog(const struct ntm_sip *a, const struct ntm_sip *b)
{
	if (strcmp(a->call_id, b->call_id) != 0)
		return false;
	if (a->to_tag[0] == '\0' || b->to_tag[0] == '\0')
		return true;
	return (strcmp(a->from_tag, b->from_tag) == 0 && strcmp(a->to_tag, b->to_tag) == 0) ||
	       (strcmp(a->from_tag, b->to_tag) == 0 && strcmp(a->to_tag, b->from_tag) == 0);
}

static uint64_t hash_of(enum sipwatch_way way, const struct ntm_sip *sip)
{
	static const uint8_t key[16];
	char text[3 * (NTM_SIP_ID_MAX + 1) + 64];
	int len = snprintf(text, sizeof(text), "%d %d %d %d %lu %s %s %s", way, sip->kind,
			   sip->method, sip->status, (unsigned long)sip->cseq, sip->call_id,
			   sip->from_tag, sip->to_tag);

	return ntm_siphash24(key, text, (size_t)len);
}

bool sip_held_replace(struct sip_held *held, const struct sip_msg *msg)
{
	struct sip_held_entry *entry = held->head;

	while (entry != NULL && !is_copy(entry, msg))
		entry = entry->next;
	if (entry == NULL)
		return false;
	uint8_t *data = realloc(entry->data, msg->pkt->len);
	if (data == NULL)
		return true; /* the older copy will do */
	entry->data = memcpy(data, msg->pkt->data, msg->pkt->len);
	entry->len = msg->pkt->len;
	return true;
}

bool sip_held_was_let_go(const struct sip_held *held, const struct sip_msg *msg)
{
	int64_t since_ms = held->args.timers->now_ms - COPIES_MS;
	uint64_t hash = hash_of(msg->way, msg->sip);

	for (size_t i = 0; i < held->let_go_count; i++)
		if (held->let_go[i].hash == hash && held->let_go[i].at_ms >= since_ms)
			return true;
	return false;
}

static void remember(struct sip_held *held, const struct sip_held_entry *entry)
{
	held->let_go[held->let_go_next] = (struct let_go){
		.hash = hash_of(entry->way, &entry->sip),
		.at_ms = held->args.timers->now_ms,
	};
	held->let_go_next = (held->let_go_next + 1) % LET_GO;
	if (held->let_go_count < LET_GO)
		held->let_go_count++;
}

/* Something in front of `end` (NULL: of the end of the queue) that it has to wait for. */
static bool has_in_front(const struct sip_held *held, const struct sip_held_entry *end,
			 enum sipwatch_way way, const struct ntm_sip *sip)
{
	for (const struct sip_held_entry *e = held->head; e != end; e = e->next)
		if (e->way == way && is_same_dialog(&e->sip, sip))
			return true;
	return false;
}

bool sip_held_is_behind(const struct sip_held *held, const struct sip_msg *msg)
{
	return has_in_front(held, NULL, msg->way, msg->sip);
}

static void let_go(struct sip_held_entry *entry, enum sip_held_why why)
{
	struct sip_held *held = entry->owner;
	struct sip_held_release release = {
		.way = entry->way,
		.sip = &entry->sip,
		.data = entry->data,
		.len = entry->len,
		.why = entry->why != SIP_HELD_WAITING ? entry->why : why,
		.words = entry->words,
		.direction_ms = entry->direction_ms,
	};

	remember(held, entry);
	held->args.let_go(held->args.ctx, &release);
	drop(entry);
}

static struct sip_held_entry *first_free(const struct sip_held *held)
{
	struct sip_held_entry *entry = held->head;

	while (entry != NULL &&
	       (entry->pending > 0 || has_in_front(held, entry, entry->way, &entry->sip)))
		entry = entry->next;
	return entry;
}

/* One was settled: it goes, and what was behind it. */
static void pump(struct sip_held *held, enum sip_held_why why)
{
	struct sip_held_entry *entry;

	while ((entry = first_free(held)) != NULL)
		let_go(entry, why);
}

static void on_deadline(void *arg)
{
	struct sip_held_entry *entry = arg;
	struct sip_held *held = entry->owner;

	stop_waiting(entry, SIP_HELD_DEADLINE);
	pump(held, SIP_HELD_DEADLINE);
}

static void on_tunnel(void *arg, const struct tunnel_result *result)
{
	struct sip_held_entry *entry = arg;
	struct sip_held *held = entry->owner;

	if (result->direction_ms > entry->direction_ms)
		entry->direction_ms = result->direction_ms;
	if (result->err != 0) {
		entry->why = SIP_HELD_FAILED;
		snprintf(entry->words, sizeof(entry->words), "%s",
			 result->words != NULL ? result->words : strerror(-result->err));
	}
	if (--entry->pending > 0)
		return;
	stop_waiting(entry, entry->why == SIP_HELD_FAILED ? SIP_HELD_FAILED : SIP_HELD_UP);
	pump(held, entry->why);
}

static size_t count_of_peer(const struct sip_held *held, const struct ntm_ip *peer)
{
	size_t count = 0;

	for (const struct sip_held_entry *e = held->head; e != NULL; e = e->next)
		count += peer->family != 0 && ntm_ip_eq(&e->peer, peer);
	return count;
}

static bool has_room(const struct sip_held *held, const struct sip_msg *msg)
{
	return held->count < SIPWATCH_HELD_MAX &&
	       count_of_peer(held, &msg->peer) < SIPWATCH_HELD_PER_PEER;
}

struct sip_held_entry *sip_held_add(struct sip_held *held, const struct sip_msg *msg)
{
	if (!has_room(held, msg))
		return NULL;
	struct sip_held_entry *entry = calloc(1, sizeof(*entry));
	uint8_t *data = malloc(msg->pkt->len);

	if (entry == NULL || data == NULL) {
		free(entry);
		free(data);
		return NULL;
	}
	*entry = (struct sip_held_entry){
		.owner = held,
		.prev = held->tail,
		.way = msg->way,
		.peer = msg->peer,
		.sip = *msg->sip,
		.data = memcpy(data, msg->pkt->data, msg->pkt->len),
		.len = msg->pkt->len,
		.direction_ms = -1,
	};
	ntm_timer_init(&entry->timer, on_deadline, entry);
	*(held->tail != NULL ? &held->tail->next : &held->head) = entry;
	held->tail = entry;
	held->count++;
	return entry;
}

int sip_held_want(struct sip_held_entry *entry, const struct ntm_ip *vip)
{
	struct tunnel_target target = {.vip = *vip};
	struct tunnel_wait *wait = &entry->wait[entry->wait_count];

	*wait = (struct tunnel_wait){.fn = on_tunnel, .arg = entry};
	int started = tunnel_want(entry->owner->args.tunnels, &target, NTM_REASON_SIP, wait, NULL);
	if (started == 0) {
		entry->wait_count++;
		entry->pending++;
	}
	return started;
}

bool sip_held_commit(struct sip_held_entry *entry, int64_t limit_ms)
{
	struct sip_held *held = entry->owner;

	if (entry->pending > 0) {
		ntm_timer_set(held->args.timers, &entry->timer, limit_ms);
		return true;
	}
	if (has_in_front(held, entry, entry->way, &entry->sip))
		return true;
	drop(entry);
	return false;
}

void sip_held_flush(struct sip_held *held, const struct ntm_sip *sip)
{
	for (struct sip_held_entry *e = held->head; e != NULL; e = e->next)
		if (sip == NULL || is_same_dialog(&e->sip, sip))
			stop_waiting(e, SIP_HELD_FLUSHED);
	pump(held, SIP_HELD_FLUSHED);
}
