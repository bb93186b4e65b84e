/* SPDX-License-Identifier: BSD-2-Clause */
/* TLVs to structs and back, driven by tables of fields. */
#include "msg_tlv.h"

#include "name.h"
#include "ntm/msg.h"
#include "words.h"

#include <errno.h>
#include <string.h>

/* Both blobs of msg.h are read and written through this view. */
#define BLOB_DATA 2
_Static_assert(offsetof(struct ntm_cert_blob, data) == BLOB_DATA, "blob layout");
_Static_assert(offsetof(struct ntm_msg_dns, data) == BLOB_DATA, "blob layout");

static void put_u8(struct ntm_wr *wr, const struct ntm_field *field, const void *value)
{
	(void)field;
	ntm_wr_u8(wr, *(const uint8_t *)value);
}

static void get_u8(struct ntm_rd *rd, const struct ntm_field *field, void *value)
{
	uint8_t v = ntm_rd_u8(rd);

	if (v < field->min || v > field->max)
		ntm_rd_fail(rd);
	*(uint8_t *)value = v;
}

static void put_u32(struct ntm_wr *wr, const struct ntm_field *field, const void *value)
{
	(void)field;
	ntm_wr_u32(wr, *(const uint32_t *)value);
}

static void get_u32(struct ntm_rd *rd, const struct ntm_field *field, void *value)
{
	uint32_t v = ntm_rd_u32(rd);

	if (v < field->min)
		ntm_rd_fail(rd);
	*(uint32_t *)value = v;
}

static void put_u64(struct ntm_wr *wr, const struct ntm_field *field, const void *value)
{
	(void)field;
	ntm_wr_u64(wr, *(const uint64_t *)value);
}

static void get_u64(struct ntm_rd *rd, const struct ntm_field *field, void *value)
{
	(void)field;
	*(uint64_t *)value = ntm_rd_u64(rd);
}

static void put_bool(struct ntm_wr *wr, const struct ntm_field *field, const void *value)
{
	(void)field;
	ntm_wr_u8(wr, *(const bool *)value);
}

static void get_bool(struct ntm_rd *rd, const struct ntm_field *field, void *value)
{
	uint8_t v = ntm_rd_u8(rd);

	(void)field;
	if (v > 1)
		ntm_rd_fail(rd);
	*(bool *)value = v == 1;
}

static void put_bytes(struct ntm_wr *wr, const struct ntm_field *field, const void *value)
{
	ntm_wr_bytes(wr, value, field->max);
}

static void get_bytes(struct ntm_rd *rd, const struct ntm_field *field, void *value)
{
	ntm_rd_bytes(rd, value, field->max);
}

static void put_ip(struct ntm_wr *wr, const struct ntm_field *field, const void *value)
{
	(void)field;
	ntm_wr_ip(wr, value);
}

static void get_ip(struct ntm_rd *rd, const struct ntm_field *field, void *value)
{
	struct ntm_ip ip = ntm_rd_ip(rd);

	if (ip.family == 0 || (field->max != 0 && ip.family != field->max))
		ntm_rd_fail(rd);
	memcpy(value, &ip, sizeof(ip));
}

static void put_addr(struct ntm_wr *wr, const struct ntm_field *field, const void *value)
{
	(void)field;
	ntm_wr_addr(wr, value);
}

static void get_addr(struct ntm_rd *rd, const struct ntm_field *field, void *value)
{
	struct ntm_addr addr = ntm_rd_addr(rd);

	(void)field;
	if (addr.ip.family == 0 || addr.port == 0)
		ntm_rd_fail(rd);
	memcpy(value, &addr, sizeof(addr));
}

static void put_text(struct ntm_wr *wr, const struct ntm_field *field, const void *value)
{
	ntm_wr_bytes(wr, value, strnlen(value, (size_t)field->max + 1));
}

static void get_name(struct ntm_rd *rd, const struct ntm_field *field, void *value)
{
	(void)field;
	ntm_rd_name(rd, ntm_rd_left(rd), value);
}

static void get_words(struct ntm_rd *rd, const struct ntm_field *field, void *value)
{
	size_t len = ntm_rd_left(rd);

	if (len == 0 || len > field->max || !ntm_words_ok(rd->pos, len))
		ntm_rd_fail(rd);
	else
		ntm_rd_bytes(rd, value, len);
}

static void put_blob(struct ntm_wr *wr, const struct ntm_field *field, const void *value)
{
	uint16_t len;

	memcpy(&len, value, sizeof(len));
	if (len > field->max)
		wr->err = true;
	else
		ntm_wr_bytes(wr, (const uint8_t *)value + BLOB_DATA, len);
}

static void get_blob(struct ntm_rd *rd, const struct ntm_field *field, void *value)
{
	uint16_t len = (uint16_t)ntm_rd_left(rd);

	if (len < field->min || len > field->max) {
		ntm_rd_fail(rd);
		return;
	}
	memcpy(value, &len, sizeof(len));
	ntm_rd_bytes(rd, (uint8_t *)value + BLOB_DATA, len);
}

static void put_addrs(struct ntm_wr *wr, const struct ntm_field *field, const void *value)
{
	const struct ntm_addr_list *list = value;

	if (list->count > NTM_MSG_ADDRS)
		wr->err = true;
	for (size_t i = 0; !ntm_wr_err(wr) && i < list->count; i++)
		put_addr(wr, field, &list->item[i]);
}

static void get_addrs(struct ntm_rd *rd, const struct ntm_field *field, void *value)
{
	struct ntm_addr_list *list = value;

	do
		get_addr(rd, field, &list->item[list->count++]);
	while (ntm_rd_left(rd) > 0 && list->count < NTM_MSG_ADDRS);
}

static void put_prefixes(struct ntm_wr *wr, const struct ntm_field *field, const void *value)
{
	const struct ntm_prefix_list *list = value;

	(void)field;
	if (list->count > NTM_MSG_PREFIXES)
		wr->err = true;
	for (size_t i = 0; !ntm_wr_err(wr) && i < list->count; i++)
		ntm_wr_prefix(wr, &list->item[i]);
}

static void get_prefixes(struct ntm_rd *rd, const struct ntm_field *field, void *value)
{
	struct ntm_prefix_list *list = value;

	(void)field;
	do {
		struct ntm_prefix *prefix = &list->item[list->count++];

		*prefix = ntm_rd_prefix(rd);
		if (prefix->ip.family == 0)
			ntm_rd_fail(rd);
	} while (ntm_rd_left(rd) > 0 && list->count < NTM_MSG_PREFIXES);
}

static void put_names(struct ntm_wr *wr, const struct ntm_field *field, const void *value)
{
	const struct ntm_name_list *list = value;

	(void)field;
	if (list->count > NTM_MSG_NAMES)
		wr->err = true;
	for (size_t i = 0; !ntm_wr_err(wr) && i < list->count; i++)
		ntm_wr_name_u8(wr, list->item[i]);
}

static void get_names(struct ntm_rd *rd, const struct ntm_field *field, void *value)
{
	struct ntm_name_list *list = value;

	(void)field;
	do
		ntm_rd_name_u8(rd, list->item[list->count++]);
	while (ntm_rd_left(rd) > 0 && list->count < NTM_MSG_NAMES);
}

static void put_certs(struct ntm_wr *wr, const struct ntm_field *field, const void *value)
{
	const struct ntm_cert_list *list = value;

	(void)field;
	if (list->count > NTM_MSG_CERTS)
		wr->err = true;
	for (size_t i = 0; !ntm_wr_err(wr) && i < list->count; i++) {
		const struct ntm_cert_blob *blob = &list->item[i];

		if (blob->len > NTM_CERT_MAX) {
			wr->err = true;
			break;
		}
		ntm_wr_u16(wr, blob->len);
		ntm_wr_bytes(wr, blob->data, blob->len);
	}
}

static void get_certs(struct ntm_rd *rd, const struct ntm_field *field, void *value)
{
	struct ntm_cert_list *list = value;

	(void)field;
	do {
		struct ntm_cert_blob *blob = &list->item[list->count++];

		blob->len = ntm_rd_u16(rd);
		if (blob->len == 0 || blob->len > NTM_CERT_MAX)
			ntm_rd_fail(rd);
		else
			ntm_rd_bytes(rd, blob->data, blob->len);
	} while (ntm_rd_left(rd) > 0 && list->count < NTM_MSG_CERTS);
}

static void put_relays(struct ntm_wr *wr, const struct ntm_field *field, const void *value)
{
	const struct ntm_relay_list *list = value;

	(void)field;
	if (list->count > NTM_MSG_RELAYS)
		wr->err = true;
	for (size_t i = 0; !ntm_wr_err(wr) && i < list->count; i++) {
		const struct ntm_relay_offer *offer = &list->item[i];

		ntm_wr_addr(wr, &offer->addr[0]);
		ntm_wr_addr(wr, &offer->addr[1]);
		ntm_wr_u64(wr, offer->flow);
		ntm_wr_bytes(wr, offer->bind_key, sizeof(offer->bind_key));
		ntm_wr_bytes(wr, offer->ticket, sizeof(offer->ticket));
	}
}

/* One address of each family, at least one of the two. */
static bool is_place(const struct ntm_addr *v4, const struct ntm_addr *v6)
{
	bool has4 = v4->ip.family == 4 && v4->port != 0;
	bool has6 = v6->ip.family == 6 && v6->port != 0;

	return (has4 || has6) && (has4 || (v4->ip.family == 0 && v4->port == 0)) &&
	       (has6 || (v6->ip.family == 0 && v6->port == 0));
}

static void get_relays(struct ntm_rd *rd, const struct ntm_field *field, void *value)
{
	struct ntm_relay_list *list = value;

	(void)field;
	do {
		struct ntm_relay_offer *offer = &list->item[list->count++];

		offer->addr[0] = ntm_rd_addr(rd);
		offer->addr[1] = ntm_rd_addr(rd);
		offer->flow = ntm_rd_u64(rd);
		ntm_rd_bytes(rd, offer->bind_key, sizeof(offer->bind_key));
		ntm_rd_bytes(rd, offer->ticket, sizeof(offer->ticket));
		if (!is_place(&offer->addr[0], &offer->addr[1]))
			ntm_rd_fail(rd);
	} while (ntm_rd_left(rd) > 0 && list->count < NTM_MSG_RELAYS);
}

static void put_ticket_keys(struct ntm_wr *wr, const struct ntm_field *field, const void *value)
{
	const struct ntm_ticket_key_list *list = value;

	(void)field;
	if (list->count > NTM_MSG_TICKET_KEYS)
		wr->err = true;
	for (size_t i = 0; !ntm_wr_err(wr) && i < list->count; i++) {
		ntm_wr_u8(wr, list->item[i].id);
		ntm_wr_bytes(wr, list->item[i].key, sizeof(list->item[i].key));
	}
}

static void get_ticket_keys(struct ntm_rd *rd, const struct ntm_field *field, void *value)
{
	struct ntm_ticket_key_list *list = value;

	(void)field;
	do {
		struct ntm_ticket_key *key = &list->item[list->count++];

		key->id = ntm_rd_u8(rd);
		ntm_rd_bytes(rd, key->key, sizeof(key->key));
	} while (ntm_rd_left(rd) > 0 && list->count < NTM_MSG_TICKET_KEYS);
}

/* A getter reads what it wants of a TLV's body; what it leaves over makes the message malformed,
 * and that is how a list that is too long is refused. */
static const struct {
	void (*put)(struct ntm_wr *wr, const struct ntm_field *field, const void *value);
	void (*get)(struct ntm_rd *rd, const struct ntm_field *field, void *value);
} kinds[] = {
	[NTM_FIELD_U8] = {put_u8, get_u8},
	[NTM_FIELD_U32] = {put_u32, get_u32},
	[NTM_FIELD_U64] = {put_u64, get_u64},
	[NTM_FIELD_BOOL] = {put_bool, get_bool},
	[NTM_FIELD_BYTES] = {put_bytes, get_bytes},
	[NTM_FIELD_IP] = {put_ip, get_ip},
	[NTM_FIELD_ADDR] = {put_addr, get_addr},
	[NTM_FIELD_NAME] = {put_text, get_name},
	[NTM_FIELD_WORDS] = {put_text, get_words},
	[NTM_FIELD_BLOB] = {put_blob, get_blob},
	[NTM_FIELD_ADDRS] = {put_addrs, get_addrs},
	[NTM_FIELD_PREFIXES] = {put_prefixes, get_prefixes},
	[NTM_FIELD_NAMES] = {put_names, get_names},
	[NTM_FIELD_CERTS] = {put_certs, get_certs},
	[NTM_FIELD_RELAYS] = {put_relays, get_relays},
	[NTM_FIELD_TICKET_KEYS] = {put_ticket_keys, get_ticket_keys},
};

static bool is_absent(const struct ntm_field *field, const uint8_t *value)
{
	uint16_t len;

	if (field->required)
		return false;
	if (field->kind != NTM_FIELD_BLOB)
		return value[0] == 0;
	memcpy(&len, value, sizeof(len));
	return len == 0;
}

void ntm_fields_write(struct ntm_wr *wr, const struct ntm_fields *fields, const void *base)
{
	for (size_t i = 0; i < fields->count; i++) {
		const struct ntm_field *field = &fields->item[i];
		const uint8_t *value = (const uint8_t *)base + field->offset;
		size_t at;

		if (is_absent(field, value))
			continue;
		at = ntm_wr_tlv_begin(wr, field->tlv);
		kinds[field->kind].put(wr, field, value);
		ntm_wr_tlv_end(wr, at);
	}
}

static bool is_padding(const struct ntm_rd *rd)
{
	if (rd->left > NTM_MSG_PADDING_MAX)
		return false;
	for (size_t i = 0; i < rd->left; i++)
		if (rd->pos[i] != 0)
			return false;
	return true;
}

/* The number of the field in the table, or the table's length. */
static size_t field_find(const struct ntm_fields *fields, uint16_t tlv)
{
	size_t i = 0;

	while (i < fields->count && fields->item[i].tlv != tlv)
		i++;
	return i;
}

static int read_tlv(struct ntm_rd *rd, const struct ntm_fields *fields, uint8_t *base,
		    uint32_t *seen)
{
	uint16_t tlv = ntm_rd_u16(rd);
	struct ntm_rd body = ntm_rd_sub(rd, ntm_rd_u16(rd));
	size_t i = field_find(fields, tlv);
	uint32_t bit = 1U << i;

	/* Type 0 is padding, which is_padding has not recognised: too long, or not zero. */
	if (ntm_rd_err(rd) || tlv == NTM_TLV_PADDING)
		return -EBADMSG;
	if (i == fields->count)
		return tlv & NTM_TLV_MUST ? -ENOTSUP : 0;
	if (*seen & bit)
		return -EBADMSG;
	*seen |= bit;
	kinds[fields->item[i].kind].get(&body, &fields->item[i], base + fields->item[i].offset);
	return ntm_rd_done(&body) ? 0 : -EBADMSG;
}

int ntm_fields_read(struct ntm_rd *rd, const struct ntm_fields *fields, void *base)
{
	uint32_t seen = 0;

	while (!is_padding(rd)) {
		int err = read_tlv(rd, fields, base, &seen);

		if (err)
			return err;
	}
	for (size_t i = 0; i < fields->count; i++)
		if (fields->item[i].required && !(seen & 1U << i))
			return -EBADMSG;
	return 0;
}
