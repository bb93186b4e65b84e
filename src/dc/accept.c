/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may come in: nodes and relays of the store, and hosts with a join token (design.md 10). */
#include "dc_priv.h"

#include "ntm/payload.h"
#include "ntm/token.h"

#include <errno.h>
#include <string.h>

/* A gateway comes twice: as the relay that it is, and as a node, to be directed to. */
static bool may_come_as(const struct store_node *who, enum store_role role)
{
	return who->role == role || (who->gateway && role == STORE_NODE);
}

/* Whose key it is, in the role that it comes in. */
static int find_member(struct dc *dc, const struct ntm_link_request *req, enum store_role role,
		       struct store_node *who)
{
	char text[NTM_ADDR_STR];
	int err = lookup_by_key(dc->store, req->remote_static, who);

	if (err && err != -ENOENT) {
		dc_complain(dc, &dc->store_gate, "nobody can come in: %s", store_words(dc->store));
		return err;
	}
	if (!err && may_come_as(who, role))
		return 0;
	dc->counters.strangers++;
	if (err)
		dc_complain(dc, &dc->stranger_gate,
			    "unknown key from=%s: not joined here, or revoked; that host needs a "
			    "new token (ntm-dc %s add)",
			    ntm_addr_str(req->from, text), role == STORE_RELAY ? "relay" : "node");
	else
		dc_complain(dc, &dc->stranger_gate,
			    "key of %s %s from=%s, which comes as a %s: refused",
			    role == STORE_RELAY ? "node" : "relay", who->fqdn,
			    ntm_addr_str(req->from, text), role == STORE_RELAY ? "relay" : "node");
	return -EACCES;
}

static int accept_node(struct dc *dc, const struct ntm_link_request *req)
{
	struct store_node who;
	int err = find_member(dc, req, STORE_NODE, &who);

	if (err)
		return err;
	return registry_add(dc, &who) ? 0 : -ENOMEM;
}

static int accept_relay(struct dc *dc, const struct ntm_link_request *req)
{
	struct store_node who;
	int err = find_member(dc, req, STORE_RELAY, &who);

	if (err)
		return err;
	return fleet_add(dc, &who) ? 0 : -ENOMEM;
}

static const char *refusal_words(const struct dc *dc, int err)
{
	switch (err) {
	case -ENOENT:
		return "no such token here: mistyped, replaced by a newer one, or its node was "
		       "revoked";
	case -ETIME:
		return "the token has expired: make a new one with ntm-dc node add, or relay add";
	case -EEXIST:
		return "the token was used before, by another host";
	case -EKEYREJECTED:
		return "the host's key belongs to another node, or was revoked: it needs a new key";
	case -EBADMSG:
		return "not a join request";
	case -EINVAL:
		return "its certificate cannot be made";
	default:
		return store_words(dc->store);
	}
}

static int fill_answer(const struct dc *dc, const struct store_node *who,
		       const struct store_cert *cert, struct ntm_link_reply *reply)
{
	struct ntm_join_answer answer = {.resolver4 = dc->settings.resolver4,
					 .resolver6 = dc->settings.resolver6};
	int err = register_sign(dc, who, cert, &answer.cert);

	if (err)
		return err;
	register_domain(dc, &answer.prefixes, &answer.suffixes);
	reply->one_shot = true;
	reply->payload_len =
		ntm_join_answer_encode(&answer, reply->payload, sizeof(reply->payload));
	return reply->payload_len > 0 ? 0 : -EINVAL;
}

/* The store gives the same certificate for the same token and key, so a lost answer costs nothing
 * (and signatures are deterministic: it is the same bytes). */
static int join(struct dc *dc, const struct ntm_link_request *req, struct ntm_link_reply *reply)
{
	struct ntm_join_request request;
	struct ntm_token token = {.expires_s = 0};
	struct store_join use = {.now_s = dc_now_s(dc), .lifetime_s = dc->settings.cert_lifetime_s};
	struct store_node who;
	struct store_cert cert;
	char text[NTM_ADDR_STR];
	int err = ntm_join_request_decode(&request, req->payload, req->payload_len);

	if (err)
		return -EBADMSG;
	memcpy(token.secret, request.secret, sizeof(token.secret));
	ntm_token_hash(&token, use.hash);
	ntm_wipe(&token, sizeof(token));
	ntm_wipe(&request, sizeof(request));
	memcpy(use.key, req->remote_static, sizeof(use.key));
	err = lookup_join(dc->store, &use, &who, &cert);
	if (!err)
		err = fill_answer(dc, &who, &cert, reply);
	if (err)
		return err;
	dc->counters.joined++;
	ntm_info("%s=%s joined from=%s serial=%llu", who.role == STORE_RELAY ? "relay" : "node",
		 who.fqdn, ntm_addr_str(req->from, text), (unsigned long long)cert.serial);
	/* A node that joins with a new key makes its former one void. */
	(void)revoke_sync(dc);
	return 0;
}

static int accept_join(struct dc *dc, const struct ntm_link_request *req,
		       struct ntm_link_reply *reply)
{
	char text[NTM_ADDR_STR];
	int err = join(dc, req, reply);

	if (err) {
		dc->counters.join_refused++;
		dc_complain(dc, &dc->join_gate, "join refused from=%s: %s",
			    ntm_addr_str(req->from, text), refusal_words(dc, err));
	}
	return err;
}

int accept_on_request(void *ctx, const struct ntm_link_request *req, struct ntm_link_reply *reply)
{
	if (req->purpose == NTM_PURPOSE_NODE)
		return accept_node(ctx, req);
	if (req->purpose == NTM_PURPOSE_RELAY)
		return accept_relay(ctx, req);
	if (req->purpose == NTM_PURPOSE_JOIN)
		return accept_join(ctx, req, reply);
	if (req->purpose == NTM_PURPOSE_DC)
		return foreign_accept(ctx, req, reply);
	return -EPROTO;
}
