/* SPDX-License-Identifier: BSD-2-Clause */
/* The kinds of lies. */
#include "relay_liar.h"

#include "ntm/frame.h"

#include <string.h>

#define TICKET_AT   8
#define COOKIE_AT   (TICKET_AT + NTM_TICKET_LEN)
#define GARBAGE_MAX 1400
#define NOISE_LEN   96 /* of an INITIATION */

uint32_t liar_random(struct liar *liar, uint32_t below)
{
	liar->random ^= liar->random >> 12;
	liar->random ^= liar->random << 25;
	liar->random ^= liar->random >> 27;
	return (uint32_t)((liar->random * UINT64_C(2685821657736338717)) >> 33) % below;
}

static void fill(struct liar *liar, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)liar_random(liar, 256);
}

/* ---- sources ---- */

static uint16_t any_port(struct liar *liar)
{
	return (uint16_t)(1 + liar_random(liar, 65535));
}

static const struct heard *one_heard(struct liar *liar)
{
	return &liar->heard[liar_random(liar, (uint32_t)liar->heard_count)];
}

static const struct heard *any_heard(struct liar *liar, uint8_t type, uint8_t or_type)
{
	for (;;) {
		const struct heard *heard = one_heard(liar);

		if (heard->data[0] == type || heard->data[0] == or_type)
			return heard;
	}
}

/* An address of nobody's choice but the liar's: his own, a victim's, a stranger's, or that of a
 * genuine node by another port. */
static struct ntm_addr wrong_source(struct liar *liar)
{
	struct ntm_addr from;

	switch (liar_random(liar, 4)) {
	case 0:
		from = liar->own;
		break;
	case 1:
		return liar->victim;
	case 2:
		from.ip = ntm_ip_v4(192, 0, 2, (uint8_t)(1 + liar_random(liar, 250)));
		break;
	default:
		from = one_heard(liar)->from;
		from.port ^= 0x4000;
		if (from.port == 0)
			from.port = 1;
		return from;
	}
	from.port = any_port(liar);
	return from;
}

/* Or a genuine node's, with its very port. */
static struct ntm_addr any_source(struct liar *liar)
{
	return liar_random(liar, 4) == 0 ? one_heard(liar)->from : wrong_source(liar);
}

/* ---- tickets ---- */

static int64_t today(const struct liar *liar)
{
	return liar->now_s / NTM_TICKET_DAY_S;
}

static bool is_live_key(const struct liar *liar, uint8_t id)
{
	return (uint8_t)(id - (uint8_t)(today(liar) - 1)) < 3;
}

static struct ntm_ticket new_ticket(struct liar *liar)
{
	struct ntm_ticket ticket = {.side = (uint8_t)liar_random(liar, 2),
				    .expires_s = liar->now_s + 3600};

	fill(liar, (uint8_t *)&ticket.flow, sizeof(ticket.flow));
	fill(liar, ticket.bind_key, sizeof(ticket.bind_key));
	return ticket;
}

static void write_frame(struct liar *liar, struct lie *lie, uint8_t type, const uint8_t *ticket,
			const uint8_t *bind_key)
{
	uint8_t cookie[NTM_RELAY_COOKIE_LEN];
	struct ntm_relay_frame frame = {.type = type,
					.generation = liar_random(liar, 1 << 30),
					.ticket = ticket,
					.cookie = cookie};

	fill(liar, cookie, sizeof(cookie));
	lie->len = ntm_relay_frame_write(&frame, bind_key, lie->data);
}

static void show_ticket(struct liar *liar, struct lie *lie, uint8_t type,
			const struct ntm_ticket *ticket, const struct ntm_ticket_key *key,
			const uint8_t *relay_pub)
{
	uint8_t sealed[NTM_TICKET_LEN];

	ntm_ticket_seal(ticket, key, relay_pub, sealed);
	write_frame(liar, lie, type, sealed, ticket->bind_key);
}

/* Those that show a ticket. */
static uint8_t any_type(struct liar *liar)
{
	static const uint8_t types[] = {NTM_FRAME_BIND, NTM_FRAME_ANSWER, NTM_FRAME_RELEASE};

	return types[liar_random(liar, sizeof(types))];
}

static void random_ticket(struct liar *liar, struct lie *lie)
{
	uint8_t ticket[NTM_TICKET_LEN], bind_key[NTM_BIND_KEY_LEN];

	fill(liar, ticket, sizeof(ticket));
	fill(liar, bind_key, sizeof(bind_key));
	if (liar_random(liar, 2) == 0)
		ticket[0] = (uint8_t)today(liar);
	write_frame(liar, lie, any_type(liar), ticket, bind_key);
	lie->fate = is_live_key(liar, ticket[0]) ? FATE_FOREIGN_TICKET : FATE_UNKNOWN_KEY;
}

/* By the domain's own DC, as it seems, but old, of another day, for another relay, or not by it. */
static void wrong_ticket(struct liar *liar, struct lie *lie)
{
	struct ntm_ticket ticket = new_ticket(liar);
	uint8_t secret[NTM_KEY_LEN], pub[NTM_KEY_LEN];
	int64_t day = today(liar);

	memcpy(secret, liar->dc_secret, sizeof(secret));
	memcpy(pub, liar->relay_pub, sizeof(pub));
	lie->fate = FATE_FOREIGN_TICKET;
	switch (liar_random(liar, 4)) {
	case 0:
		ticket.expires_s = liar->now_s - liar_random(liar, 86400);
		lie->fate = FATE_EXPIRED;
		break;
	case 1:
		day -= 2 + liar_random(liar, 100);
		lie->fate = FATE_UNKNOWN_KEY;
		break;
	case 2:
		fill(liar, pub, sizeof(pub));
		break;
	default:
		fill(liar, secret, sizeof(secret));
		break;
	}
	struct ntm_ticket_key key = ntm_ticket_key_make(secret, pub, day);
	show_ticket(liar, lie, any_type(liar), &ticket, &key, pub);
}

/* A good ticket of the liar's own: no answer may reach anybody as if he had asked. */
static void own_ticket(struct liar *liar, struct lie *lie)
{
	struct ntm_ticket_key key =
		ntm_ticket_key_make(liar->dc_secret, liar->relay_pub, today(liar));
	struct ntm_ticket ticket = new_ticket(liar);
	uint8_t type = any_type(liar);

	show_ticket(liar, lie, type, &ticket, &key, liar->relay_pub);
	lie->fate = type == NTM_FRAME_BIND     ? FATE_CHALLENGED
		    : type == NTM_FRAME_ANSWER ? FATE_BAD_COOKIE
					       : FATE_NOT_BOUND;
	lie->from = wrong_source(liar);
}

/* ---- what was heard ---- */

static void copy(struct lie *lie, const struct heard *heard)
{
	memcpy(lie->data, heard->data, heard->len);
	lie->len = heard->len;
}

static enum fate fate_of_flip(const struct liar *liar, const struct lie *lie, size_t at)
{
	size_t cookie_end =
		lie->data[0] == NTM_FRAME_ANSWER ? COOKIE_AT + NTM_RELAY_COOKIE_LEN : COOKIE_AT;

	if (at < 4 || (at >= cookie_end && at < lie->len - NTM_MAC_LEN))
		return FATE_MALFORMED;
	if (at == TICKET_AT)
		return is_live_key(liar, lie->data[at]) ? FATE_FOREIGN_TICKET : FATE_UNKNOWN_KEY;
	return at > TICKET_AT && at < COOKIE_AT ? FATE_FOREIGN_TICKET : FATE_BAD_MAC;
}

static void flipped(struct liar *liar, struct lie *lie)
{
	copy(lie, any_heard(liar, NTM_FRAME_BIND, NTM_FRAME_ANSWER));
	size_t at = 1 + liar_random(liar, (uint32_t)lie->len - 1);
	lie->data[at] ^= (uint8_t)(1u << liar_random(liar, 8));
	lie->fate = fate_of_flip(liar, lie, at);
}

/* Somebody else's ticket without the key that goes with it. */
static void stolen_ticket(struct liar *liar, struct lie *lie)
{
	const struct heard *heard = any_heard(liar, NTM_FRAME_BIND, NTM_FRAME_ANSWER);
	uint8_t bind_key[NTM_BIND_KEY_LEN];

	fill(liar, bind_key, sizeof(bind_key));
	write_frame(liar, lie, any_type(liar), heard->data + TICKET_AT, bind_key);
	lie->fate = FATE_BAD_MAC;
}

/* The last one that was answered is the one that is bound. */
static bool is_bound_one(const struct liar *liar, const struct heard *heard)
{
	uint32_t last = 0;

	for (size_t i = 0; i < liar->heard_count; i++)
		if (liar->heard[i].data[0] == NTM_FRAME_ANSWER &&
		    ntm_addr_eq(&liar->heard[i].from, &heard->from) &&
		    liar->heard[i].generation > last)
			last = liar->heard[i].generation;
	return heard->generation == last;
}

static void replayed(struct liar *liar, struct lie *lie)
{
	const struct heard *heard = any_heard(liar, NTM_FRAME_BIND, NTM_FRAME_ANSWER);
	bool spoofs = liar_random(liar, 2) == 0;

	copy(lie, heard);
	lie->from = spoofs ? heard->from : wrong_source(liar);
	lie->fate = spoofs && is_bound_one(liar, heard) ? FATE_COPY : FATE_OLD_GENERATION;
}

static void truncated(struct liar *liar, struct lie *lie)
{
	const struct heard *heard = one_heard(liar);
	size_t shortest = NTM_RELAYED_HEADER + NTM_TRANSPORT_OVERHEAD;

	copy(lie, heard);
	lie->len = liar_random(liar, (uint32_t)(heard->data[0] == NTM_FRAME_RELAYED ? shortest
										    : heard->len));
	lie->fate = FATE_MALFORMED;
}

/* Only who is not spoofed sends what has to be cut into fragments. */
static void too_long(struct liar *liar, struct lie *lie)
{
	copy(lie, one_heard(liar));
	size_t len = 2049 + liar_random(liar, LIE_MAX - 2049);

	fill(liar, lie->data + lie->len, len - lie->len);
	lie->len = len;
	lie->from = liar->own;
	lie->fate = FATE_MALFORMED;
}

/* ---- packets of flows ---- */

static void guessed_label(struct liar *liar, struct lie *lie)
{
	copy(lie, any_heard(liar, NTM_FRAME_RELAYED, NTM_FRAME_RELAYED));
	/* Above all bits of the slot's number, so that it surely is another one. */
	lie->data[4] ^= (uint8_t)(1 + liar_random(liar, 255));
	fill(liar, lie->data + 5, 3);
	lie->fate = FATE_UNKNOWN_LABEL;
}

/* The right label from anywhere else; seldom from the right address too: from there, whatever it
 * says, it goes to the one other side. */
static void genuine_label(struct liar *liar, struct lie *lie)
{
	const struct heard *heard = any_heard(liar, NTM_FRAME_RELAYED, NTM_FRAME_RELAYED);
	bool spoofs = liar_random(liar, 10) == 0;

	copy(lie, heard);
	lie->from = spoofs ? heard->from : wrong_source(liar);
	lie->fate = spoofs ? FATE_FORWARDED : FATE_UNKNOWN_LABEL;
}

/* ---- anything else ---- */

static void garbage(struct liar *liar, struct lie *lie)
{
	lie->len = liar_random(liar, GARBAGE_MAX);
	fill(liar, lie->data, lie->len);
	lie->data[0] = (uint8_t)(NTM_FRAME_UNBOUND + liar_random(liar, 200)); /* or answers */
	lie->fate = FATE_MALFORMED;
}

static void handshake(struct liar *liar, struct lie *lie)
{
	static const uint8_t purposes[] = {NTM_PURPOSE_NODE, NTM_PURPOSE_JOIN, NTM_PURPOSE_RELAY};
	struct ntm_handshake head = {.type = NTM_FRAME_INITIATION,
				     .purpose = purposes[liar_random(liar, sizeof(purposes))],
				     .sender = liar_random(liar, 1 << 30)};
	uint8_t key[NTM_KEY_LEN];
	size_t len = ntm_handshake_head(lie->data, &head);

	ntm_mac1_key(key, liar->relay_pub);
	fill(liar, lie->data + len, NOISE_LEN);
	lie->len = ntm_mac_append(lie->data, len + NOISE_LEN, key, NULL);
	lie->fate = FATE_STRANGER;
	if (liar_random(liar, 4) == 0) {
		lie->from = liar->dc;
		lie->fate = FATE_SESSION;
	}
}

static void session(struct liar *liar, struct lie *lie)
{
	lie->len = NTM_TRANSPORT_OVERHEAD + liar_random(liar, 300);
	fill(liar, lie->data, lie->len);
	memset(lie->data, 0, 4);
	lie->data[0] = NTM_FRAME_TRANSPORT;
	if (liar_random(liar, 2) == 0)
		lie->from = liar->dc;
	lie->fate = FATE_SESSION;
}

/* Good tickets from addresses that nothing may be sent to. */
static void no_source(struct liar *liar, struct lie *lie)
{
	struct ntm_ip relay = liar->relay.ip;
	const struct ntm_ip kernel[] = {ntm_ip_v4(127, 0, 0, 1), relay, ntm_ip_v4(224, 0, 0, 1),
					ntm_ip_v4(255, 255, 255, 255)};

	own_ticket(liar, lie);
	lie->from.port = any_port(liar);
	switch (liar_random(liar, 3)) {
	case 0:
		lie->from.ip = kernel[liar_random(liar, sizeof(kernel) / sizeof(kernel[0]))];
		lie->fate = FATE_KERNEL;
		return;
	case 1:
		lie->from.ip = ntm_ip_v4(198, 18, (uint8_t)liar_random(liar, 256), 7);
		break;
	default:
		lie->from.ip = ntm_ip_v4(169, 254, (uint8_t)liar_random(liar, 256), 7);
		break;
	}
	lie->fate = FATE_SOURCE;
}

void liar_lie(struct liar *liar, struct lie *lie)
{
	lie->from = any_source(liar);
	switch (liar_random(liar, 16)) {
	case 0:
	case 1:
		random_ticket(liar, lie);
		break;
	case 2:
	case 3:
		wrong_ticket(liar, lie);
		break;
	case 4:
		own_ticket(liar, lie);
		break;
	case 5:
		flipped(liar, lie);
		break;
	case 6:
		stolen_ticket(liar, lie);
		break;
	case 7:
	case 8:
		replayed(liar, lie);
		break;
	case 9:
		truncated(liar, lie);
		break;
	case 10:
		too_long(liar, lie);
		break;
	case 11:
		guessed_label(liar, lie);
		break;
	case 12:
		genuine_label(liar, lie);
		break;
	case 13:
		garbage(liar, lie);
		break;
	case 14:
		liar_random(liar, 2) == 0 ? handshake(liar, lie) : session(liar, lie);
		break;
	default:
		no_source(liar, lie);
		break;
	}
}
