/* SPDX-License-Identifier: BSD-2-Clause */
/* Control messages: the table of their fields, and the codec that it drives. */
#include "ntm/msg.h"

#include "msg_tlv.h"

#include <errno.h>
#include <string.h>

/* RFC 1035 4.1.1: a DNS message is never shorter than its header. */
#define DNS_MIN 12

#define FIELDS(table)                                     \
	{                                                 \
		table, sizeof(table) / sizeof((table)[0]) \
	}
#define AT(member) offsetof(struct ntm_msg, member)

static const struct ntm_field register_fields[] = {
	{NTM_TLV_OWN_ADDRS, NTM_FIELD_ADDRS, false, AT(reg.own), 0, 0},
	{NTM_TLV_BOOT_ID, NTM_FIELD_U64, true, AT(reg.boot_id), 0, 0},
};
static const struct ntm_field registered_fields[] = {
	{NTM_TLV_REFLEXIVE, NTM_FIELD_ADDR, true, AT(registered.reflexive), 0, 0},
	{NTM_TLV_VIP4, NTM_FIELD_IP, false, AT(registered.vip4), 0, 4},
	{NTM_TLV_VIP6, NTM_FIELD_IP, false, AT(registered.vip6), 0, 6},
	{NTM_TLV_PREFIXES, NTM_FIELD_PREFIXES, false, AT(registered.prefixes), 0, 0},
	{NTM_TLV_SUFFIXES, NTM_FIELD_NAMES, false, AT(registered.suffixes), 0, 0},
	{NTM_TLV_RESOLVER4, NTM_FIELD_IP, false, AT(registered.resolver4), 0, 4},
	{NTM_TLV_RESOLVER6, NTM_FIELD_IP, false, AT(registered.resolver6), 0, 6},
	{NTM_TLV_CERT, NTM_FIELD_BLOB, false, AT(registered.cert), 1, NTM_CERT_MAX},
	{NTM_TLV_KEEPALIVE, NTM_FIELD_U32, true, AT(registered.keepalive_s), 0, 0},
	{NTM_TLV_LIFETIME, NTM_FIELD_U32, true, AT(registered.lifetime_s), 1, 0},
	{NTM_TLV_PARTNERS, NTM_FIELD_U64, true, AT(registered.partners), 0, 0},
};
static const struct ntm_field direction_request_fields[] = {
	{NTM_TLV_FQDN_MN, NTM_FIELD_NAME, true, AT(direction_request.fqdn_mn), 0, NTM_NAME_MAX},
	{NTM_TLV_FQDN_CN, NTM_FIELD_NAME, false, AT(direction_request.fqdn_cn), 0, NTM_NAME_MAX},
	{NTM_TLV_VIP_CN, NTM_FIELD_IP, false, AT(direction_request.vip_cn), 0, 0},
	{NTM_TLV_SIP_FLAG, NTM_FIELD_BOOL, true, AT(direction_request.is_sip), 0, 0},
	{NTM_TLV_REASON, NTM_FIELD_U8, true, AT(direction_request.reason), NTM_REASON_NAME,
	 NTM_REASON_MOVE},
	{NTM_TLV_CORRELATION, NTM_FIELD_U64, true, AT(direction_request.correlation), 0, 0},
};
static const struct ntm_field route_direction_fields[] = {
	{NTM_TLV_PAIR, NTM_FIELD_BYTES, true, AT(route_direction.pair), 0, NTM_PAIR_LEN},
	{NTM_TLV_PSK, NTM_FIELD_BYTES, true, AT(route_direction.psk), 0, NTM_KEY_LEN},
	{NTM_TLV_ROLE, NTM_FIELD_U8, true, AT(route_direction.role), NTM_ROLE_REQUESTS,
	 NTM_ROLE_ANSWERS},
	{NTM_TLV_REASON, NTM_FIELD_U8, true, AT(route_direction.reason), NTM_REASON_NAME,
	 NTM_REASON_MOVE},
	{NTM_TLV_CORRELATION, NTM_FIELD_U64, true, AT(route_direction.correlation), 0, 0},
	{NTM_TLV_LIFETIME, NTM_FIELD_U32, true, AT(route_direction.lifetime_s), 1, 0},
	{NTM_TLV_PEER_CERT, NTM_FIELD_BLOB, true, AT(route_direction.peer_cert), 1, NTM_CERT_MAX},
	{NTM_TLV_CANDIDATES, NTM_FIELD_ADDRS, false, AT(route_direction.candidates), 0, 0},
	{NTM_TLV_PEER_NAT, NTM_FIELD_BOOL, true, AT(route_direction.peer_nat), 0, 0},
	{NTM_TLV_PEER_DOMAIN, NTM_FIELD_BLOB, false, AT(route_direction.peer_domain), 1,
	 NTM_CERT_MAX},
	{NTM_TLV_RELAYS, NTM_FIELD_RELAYS, false, AT(route_direction.relays), 0, 0},
};
#define IR(member) AT(information_request.member)
static const struct ntm_field information_request_fields[] = {
	{NTM_TLV_FQDN_CN, NTM_FIELD_NAME, false, IR(fqdn_cn), 0, NTM_NAME_MAX},
	{NTM_TLV_VIP_CN, NTM_FIELD_IP, false, IR(vip_cn), 0, 0},
	{NTM_TLV_SIP_FLAG, NTM_FIELD_BOOL, true, IR(is_sip), 0, 0},
	{NTM_TLV_REASON, NTM_FIELD_U8, true, IR(reason), NTM_REASON_NAME, NTM_REASON_MOVE},
	{NTM_TLV_CORRELATION, NTM_FIELD_U64, true, IR(correlation), 0, 0},
	{NTM_TLV_PEER_CERT, NTM_FIELD_BLOB, true, IR(cert), 1, NTM_CERT_MAX},
	{NTM_TLV_REFLEXIVE, NTM_FIELD_ADDR, true, IR(reflexive), 0, 0},
	{NTM_TLV_OWN_ADDRS, NTM_FIELD_ADDRS, false, IR(own), 0, 0},
	{NTM_TLV_PEER_NAT, NTM_FIELD_BOOL, true, IR(behind_nat), 0, 0},
	{NTM_TLV_RELAYS, NTM_FIELD_RELAYS, false, IR(relays), 0, 0},
};
#undef IR
#define IR(member) AT(information_response.member)
static const struct ntm_field information_response_fields[] = {
	{NTM_TLV_PAIR, NTM_FIELD_BYTES, true, IR(pair), 0, NTM_PAIR_LEN},
	{NTM_TLV_PSK, NTM_FIELD_BYTES, true, IR(psk), 0, NTM_KEY_LEN},
	{NTM_TLV_ROLE, NTM_FIELD_U8, true, IR(role), NTM_ROLE_REQUESTS, NTM_ROLE_ANSWERS},
	{NTM_TLV_CORRELATION, NTM_FIELD_U64, true, IR(correlation), 0, 0},
	{NTM_TLV_LIFETIME, NTM_FIELD_U32, true, IR(lifetime_s), 1, 0},
	{NTM_TLV_PEER_CERT, NTM_FIELD_BLOB, true, IR(cert), 1, NTM_CERT_MAX},
	{NTM_TLV_REFLEXIVE, NTM_FIELD_ADDR, true, IR(reflexive), 0, 0},
	{NTM_TLV_OWN_ADDRS, NTM_FIELD_ADDRS, false, IR(own), 0, 0},
	{NTM_TLV_PEER_NAT, NTM_FIELD_BOOL, true, IR(behind_nat), 0, 0},
	{NTM_TLV_RELAYS_KEPT, NTM_FIELD_U8, true, IR(relays_kept), 0, NTM_MSG_RELAYS},
	{NTM_TLV_RELAYS, NTM_FIELD_RELAYS, false, IR(relays), 0, 0},
};
#undef IR
#define RR(member) AT(relay_register.member)
static const struct ntm_field relay_register_fields[] = {
	{NTM_TLV_OWN_ADDRS, NTM_FIELD_ADDRS, false, RR(own), 0, 0},
	{NTM_TLV_BOOT_ID, NTM_FIELD_U64, true, RR(boot_id), 0, 0},
	{NTM_TLV_FLOWS, NTM_FIELD_U32, true, RR(flows), 0, 0},
	{NTM_TLV_FLOWS_MAX, NTM_FIELD_U32, true, RR(flows_max), 0, 0},
	{NTM_TLV_KBIT_S, NTM_FIELD_U32, true, RR(kbit_s), 0, 0},
	{NTM_TLV_KBIT_S_MAX, NTM_FIELD_U32, true, RR(kbit_s_max), 0, 0},
	{NTM_TLV_DRAINING, NTM_FIELD_BOOL, true, RR(draining), 0, 0},
};
#undef RR
static const struct ntm_field relay_direction_fields[] = {
	{NTM_TLV_REFLEXIVE, NTM_FIELD_ADDR, true, AT(relay_direction.reflexive), 0, 0},
	{NTM_TLV_TICKET_KEYS, NTM_FIELD_TICKET_KEYS, false, AT(relay_direction.keys), 0, 0},
	{NTM_TLV_LIFETIME, NTM_FIELD_U32, true, AT(relay_direction.report_s), 1, 0},
	{NTM_TLV_FLOWS_MAX, NTM_FIELD_U32, true, AT(relay_direction.account_flows), 0, 0},
	{NTM_TLV_KBIT_S_MAX, NTM_FIELD_U32, true, AT(relay_direction.account_kbit_s), 0, 0},
	{NTM_TLV_CERT, NTM_FIELD_BLOB, false, AT(relay_direction.cert), 1, NTM_CERT_MAX},
};
static const struct ntm_field relay_ack_fields[] = {
	{NTM_TLV_BOOT_ID, NTM_FIELD_U64, true, AT(relay_ack.boot_id), 0, 0},
};
static const struct ntm_field relay_restarted_fields[] = {
	{NTM_TLV_OWN_ADDRS, NTM_FIELD_ADDRS, true, AT(relay_restarted.addrs), 0, 0},
};
static const struct ntm_field route_ack_fields[] = {
	{NTM_TLV_PAIR, NTM_FIELD_BYTES, true, AT(route_ack.pair), 0, NTM_PAIR_LEN},
	{NTM_TLV_CORRELATION, NTM_FIELD_U64, true, AT(route_ack.correlation), 0, 0},
};
static const struct ntm_field direction_error_fields[] = {
	{NTM_TLV_CODE, NTM_FIELD_U8, true, AT(direction_error.code), NTM_DIR_NO_SUCH_NAME,
	 NTM_DIR_LAST},
	{NTM_TLV_WORDS, NTM_FIELD_WORDS, false, AT(direction_error.words), 0, NTM_MSG_WORDS},
	{NTM_TLV_CORRELATION, NTM_FIELD_U64, true, AT(direction_error.correlation), 0, 0},
	{NTM_TLV_VIP_CN, NTM_FIELD_IP, false, AT(direction_error.vip), 0, 0},
};
static const struct ntm_field revoked_fields[] = {
	{NTM_TLV_SERIAL, NTM_FIELD_U64, true, AT(revoked.serial), 0, 0},
	{NTM_TLV_KEY, NTM_FIELD_BYTES, true, AT(revoked.key), 0, NTM_KEY_LEN},
	{NTM_TLV_VIP4, NTM_FIELD_IP, false, AT(revoked.vip4), 0, 4},
	{NTM_TLV_VIP6, NTM_FIELD_IP, false, AT(revoked.vip6), 0, 6},
};
static const struct ntm_field partners_fields[] = {
	{NTM_TLV_PARTNERS, NTM_FIELD_U64, true, AT(partners.generation), 0, 0},
	{NTM_TLV_PAGE, NTM_FIELD_U8, true, AT(partners.page), 0, UINT8_MAX},
	{NTM_TLV_PAGES, NTM_FIELD_U8, true, AT(partners.pages), 0, UINT8_MAX},
	{NTM_TLV_CERTS, NTM_FIELD_CERTS, false, AT(partners.certs), 0, 0},
};
static const struct ntm_field ping_fields[] = {
	{NTM_TLV_TOKEN, NTM_FIELD_BYTES, true, AT(ping.token), 0,
	 sizeof(((struct ntm_msg_ping *)0)->token)},
};
static const struct ntm_field pong_fields[] = {
	{NTM_TLV_TOKEN, NTM_FIELD_BYTES, true, AT(pong.token), 0,
	 sizeof(((struct ntm_msg_pong *)0)->token)},
	{NTM_TLV_SEEN, NTM_FIELD_ADDR, true, AT(pong.seen), 0, 0},
};
static const struct ntm_field resolve_fields[] = {
	{NTM_TLV_DNS, NTM_FIELD_BLOB, true, AT(resolve), DNS_MIN, NTM_MSG_DNS_MAX},
};
static const struct ntm_field resolved_fields[] = {
	{NTM_TLV_DNS, NTM_FIELD_BLOB, true, AT(resolved), DNS_MIN, NTM_MSG_DNS_MAX},
};

/* R103, R106: the peer is named in one way, and the SIP flag says that it is the address. */
static bool is_target_sane(const char *fqdn, const struct ntm_ip *vip, bool is_sip)
{
	bool by_name = fqdn[0] != '\0';
	bool by_vip = vip->family != 0;

	return by_name != by_vip && (by_vip || !is_sip);
}

static bool is_request_sane(const struct ntm_msg *msg)
{
	const struct ntm_msg_direction_request *req = &msg->direction_request;

	return is_target_sane(req->fqdn_cn, &req->vip_cn, req->is_sip);
}

static bool is_information_sane(const struct ntm_msg *msg)
{
	const struct ntm_msg_information_request *req = &msg->information_request;

	return is_target_sane(req->fqdn_cn, &req->vip_cn, req->is_sip);
}

#define ANSWERS_MAX 2

/* Types without fields are reserved, or stay inside the link layer. */
static const struct message {
	const char *name;
	struct ntm_fields fields;
	bool is_request, is_reply;
	uint8_t answer[ANSWERS_MAX]; /* types that answer this request */
	bool (*is_sane)(const struct ntm_msg *msg);
} messages[] = {
	[NTM_MSG_REGISTER] =
		{"REGISTER", FIELDS(register_fields), true, false, {NTM_MSG_REGISTERED}, NULL},
	[NTM_MSG_REGISTERED] = {"REGISTERED", FIELDS(registered_fields), false, true, {0}, NULL},
	[NTM_MSG_DIRECTION_REQUEST] = {"DIRECTION_REQUEST",
				       FIELDS(direction_request_fields),
				       true,
				       false,
				       {NTM_MSG_ROUTE_DIRECTION, NTM_MSG_DIRECTION_ERROR},
				       is_request_sane},
	[NTM_MSG_INFORMATION_REQUEST] = {"INFORMATION_REQUEST",
					 FIELDS(information_request_fields),
					 true,
					 false,
					 {NTM_MSG_INFORMATION_RESPONSE, NTM_MSG_DIRECTION_ERROR},
					 is_information_sane},
	[NTM_MSG_INFORMATION_RESPONSE] = {"INFORMATION_RESPONSE",
					  FIELDS(information_response_fields),
					  false,
					  true,
					  {0},
					  NULL},
	[NTM_MSG_ROUTE_DIRECTION] = {"ROUTE_DIRECTION",
				     FIELDS(route_direction_fields),
				     true,
				     true,
				     {NTM_MSG_ROUTE_ACK},
				     NULL},
	[NTM_MSG_ROUTE_ACK] = {"ROUTE_ACK", FIELDS(route_ack_fields), false, true, {0}, NULL},
	[NTM_MSG_DIRECTION_ERROR] =
		{"DIRECTION_ERROR", FIELDS(direction_error_fields), false, true, {0}, NULL},
	[NTM_MSG_PATH_CHALLENGE] = {.name = "PATH_CHALLENGE"},
	[NTM_MSG_PATH_RESPONSE] = {.name = "PATH_RESPONSE"},
	[NTM_MSG_CLOSE] = {.name = "CLOSE"},
	[NTM_MSG_REVOKED] =
		{"REVOKED", FIELDS(revoked_fields), true, true, {NTM_MSG_REVOKED}, NULL},
	[NTM_MSG_PING] = {"PING", FIELDS(ping_fields), true, false, {NTM_MSG_PONG}, NULL},
	[NTM_MSG_PONG] = {"PONG", FIELDS(pong_fields), false, true, {0}, NULL},
	[NTM_MSG_RESOLVE] =
		{"RESOLVE", FIELDS(resolve_fields), true, false, {NTM_MSG_RESOLVED}, NULL},
	[NTM_MSG_RESOLVED] = {"RESOLVED", FIELDS(resolved_fields), false, true, {0}, NULL},
	[NTM_MSG_RELAY_DIRECTION] = {"RELAY_DIRECTION",
				     FIELDS(relay_direction_fields),
				     true,
				     true,
				     {NTM_MSG_RELAY_ACK},
				     NULL},
	[NTM_MSG_RELAY_ACK] = {"RELAY_ACK", FIELDS(relay_ack_fields), false, true, {0}, NULL},
	[NTM_MSG_MOVED] = {.name = "MOVED"},
	[NTM_MSG_MOVED_ACK] = {.name = "MOVED_ACK"},
	[NTM_MSG_PARTNERS] =
		{"PARTNERS", FIELDS(partners_fields), true, true, {NTM_MSG_PARTNERS}, NULL},
	[NTM_MSG_RELAY_REGISTER] = {"RELAY_REGISTER",
				    FIELDS(relay_register_fields),
				    true,
				    false,
				    {NTM_MSG_RELAY_DIRECTION},
				    NULL},
	[NTM_MSG_RELAY_RESTARTED] =
		{"RELAY_RESTARTED", FIELDS(relay_restarted_fields), true, false, {0}, NULL},
};
#define MESSAGE_COUNT (sizeof(messages) / sizeof(messages[0]))

/* NULL for numbers without a codec. */
static const struct message *message_find(uint8_t type)
{
	return type < MESSAGE_COUNT && messages[type].fields.item ? &messages[type] : NULL;
}

static int read_msg(struct ntm_msg *msg, const uint8_t *data, size_t len)
{
	struct ntm_rd rd = ntm_rd_init(data, len);
	const struct message *def;
	uint8_t flags;
	int err;

	memset(msg, 0, sizeof(*msg));
	if (len < NTM_CTL_HEADER || len > NTM_MSG_MAX + NTM_MSG_PADDING_MAX ||
	    ntm_rd_u8(&rd) != NTM_CTL_KIND)
		return -EBADMSG;
	msg->type = ntm_rd_u8(&rd);
	flags = ntm_rd_u8(&rd);
	if (ntm_rd_u8(&rd) != 0 || (flags & ~NTM_CTL_REPLY) != 0)
		return -EBADMSG;
	msg->is_reply = flags & NTM_CTL_REPLY;
	msg->txn = ntm_rd_u32(&rd);
	def = message_find(msg->type);
	if (!def)
		return -ENOTSUP;
	if (!(msg->is_reply ? def->is_reply : def->is_request))
		return -EBADMSG;
	err = ntm_fields_read(&rd, &def->fields, msg);
	if (!err && def->is_sane && !def->is_sane(msg))
		err = -EBADMSG;
	return err;
}

int ntm_msg_decode(struct ntm_msg *msg, const uint8_t *data, size_t len)
{
	struct ntm_msg got;
	int err = read_msg(&got, data, len);

	if (!err)
		*msg = got;
	ntm_wipe(&got, sizeof(got)); /* a psk may be in it */
	return err;
}

size_t ntm_msg_encode(const struct ntm_msg *msg, uint8_t *out, size_t cap)
{
	struct ntm_wr wr = ntm_wr_init(out, cap < NTM_MSG_MAX ? cap : NTM_MSG_MAX);
	const struct message *def = message_find(msg->type);
	struct ntm_msg again;
	int err;

	if (!def)
		return 0;
	ntm_wr_u8(&wr, NTM_CTL_KIND);
	ntm_wr_u8(&wr, msg->type);
	ntm_wr_u8(&wr, msg->is_reply ? NTM_CTL_REPLY : 0);
	ntm_wr_u8(&wr, 0);
	ntm_wr_u32(&wr, msg->txn);
	ntm_fields_write(&wr, &def->fields, msg);
	if (ntm_wr_err(&wr))
		return 0;
	/* The rules are in the decoder alone: what it refuses is never sent. */
	err = read_msg(&again, out, wr.len);
	ntm_wipe(&again, sizeof(again));
	return err ? 0 : wr.len;
}

bool ntm_msg_answers(uint8_t reply, uint8_t request)
{
	const struct message *def = message_find(request);

	for (size_t i = 0; def && reply != 0 && i < ANSWERS_MAX; i++)
		if (def->answer[i] == reply)
			return true;
	return false;
}

uint8_t ntm_msg_reply_type(uint8_t request)
{
	const struct message *def = message_find(request);

	return def && def->answer[1] == 0 ? def->answer[0] : 0;
}

const char *ntm_msg_name(uint8_t type)
{
	return type < MESSAGE_COUNT && messages[type].name ? messages[type].name : "?";
}
