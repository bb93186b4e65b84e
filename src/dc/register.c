/* SPDX-License-Identifier: BSD-2-Clause */
/* REGISTER -> REGISTERED: where the node is, what the domain is like, and its certificate. */
#include "dc_priv.h"

#include <errno.h>
#include <string.h>

static void add_prefix(struct ntm_prefix_list *list, const struct ntm_prefix *prefix)
{
	if (prefix->ip.family != 0)
		list->item[list->count++] = *prefix;
}

void register_domain(const struct dc *dc, struct ntm_prefix_list *prefixes,
		     struct ntm_name_list *suffixes)
{
	prefixes->count = 0;
	add_prefix(prefixes, &dc->settings.prefix4);
	add_prefix(prefixes, &dc->settings.prefix6);
	suffixes->count = 1;
	memcpy(suffixes->item[0], dc->settings.domain, sizeof(suffixes->item[0]));
}

int register_sign(const struct dc *dc, const struct store_node *who, const struct store_cert *cert,
		  struct ntm_cert_blob *blob)
{
	struct ntm_cert body = {.type = who->role == STORE_RELAY ? NTM_CERT_RELAY : NTM_CERT_NODE,
				.serial = cert->serial,
				.not_before_s = cert->not_before_s,
				.not_after_s = cert->not_after_s,
				.vip4 = who->vip4,
				.vip6 = who->vip6};

	memcpy(body.key, cert->key, sizeof(body.key));
	memcpy(body.fqdn, who->fqdn, sizeof(body.fqdn));
	blob->len = (uint16_t)ntm_cert_sign(&body, &dc->root, blob->data);
	return blob->len > 0 ? 0 : -EINVAL;
}

static bool is_fresh(const struct store_node *who, const struct store_cert *cert, int64_t now_s)
{
	int64_t half_s = cert->not_before_s + (cert->not_after_s - cert->not_before_s) / 2;

	return memcmp(cert->key, who->key, NTM_KEY_LEN) == 0 && now_s < half_s &&
	       cert->not_before_s <= now_s + NTM_CERT_SKEW_S;
}

/* The newest certificate, or a new one when that is past half of its life. */
static int choose_cert(const struct dc *dc, const struct store_node *who, int64_t now_s,
		       struct store_cert *cert)
{
	struct store_cert wanted = {.node_id = who->id,
				    .not_before_s = now_s,
				    .not_after_s = now_s + dc->settings.cert_lifetime_s};
	int err = lookup_cert_newest(dc->store, who->id, cert);

	if (err && err != -ENOENT)
		return err;
	if (!err && is_fresh(who, cert, now_s))
		return 0;
	memcpy(wanted.key, who->key, sizeof(wanted.key));
	return lookup_cert_issue(dc->store, &wanted, cert);
}

/* The store is asked only at half life: a REGISTER costs no read, a renewal costs one write. */
bool register_renew(struct dc *dc, const struct store_node *who, struct register_cert *held)
{
	int64_t now_s = dc_now_s(dc);
	struct store_cert cert;
	struct ntm_cert_blob blob;
	int err;

	if (held->blob.len > 0 && now_s < held->renew_s)
		return true;
	err = choose_cert(dc, who, now_s, &cert);
	if (!err)
		err = register_sign(dc, who, &cert, &blob);
	if (err) {
		dc_complain(dc, &dc->store_gate, "%s=%s gets no new certificate: %s",
			    who->role == STORE_RELAY ? "relay" : "node", who->fqdn,
			    store_words(dc->store));
		return held->blob.len > 0 && now_s < held->end_s;
	}
	held->blob = blob;
	held->renew_s = cert.not_before_s + (cert.not_after_s - cert.not_before_s) / 2;
	held->end_s = cert.not_after_s;
	return true;
}

static void answer(struct registry_node *node, const struct ntm_msg *req)
{
	const struct dc *dc = node->dc;
	const struct dc_settings *settings = &dc->settings;
	struct ntm_msg reply = {.type = NTM_MSG_REGISTERED};
	struct ntm_msg_registered *body = &reply.registered;

	body->reflexive = node->card.reflexive;
	body->vip4 = node->who.vip4;
	body->vip6 = node->who.vip6;
	body->resolver4 = settings->resolver4;
	body->resolver6 = settings->resolver6;
	body->cert = node->cert.blob;
	body->keepalive_s = node->card.behind_nat ? (uint32_t)settings->keepalive_s : 0;
	body->lifetime_s = (uint32_t)settings->lifetime_s;
	body->partners = dc->foreigns.generation;
	register_domain(dc, &body->prefixes, &body->suffixes);
	(void)ntm_ctl_reply(node->ctl, req, &reply);
}

void register_on_request(struct registry_node *node, const struct ntm_msg *req)
{
	struct dc *dc = node->dc;

	if (!ntm_bucket_take(&node->register_bucket, dc_now_ms(dc))) {
		dc->counters.limited++;
		return;
	}
	if (!register_renew(dc, &node->who, &node->cert))
		return; /* it asks again */
	registry_on_register(node, &req->reg);
	dc->counters.registered++;
	answer(node, req);
	revoke_tell(node);
}
