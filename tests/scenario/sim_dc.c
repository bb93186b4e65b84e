/* SPDX-License-Identifier: BSD-2-Clause */
/* A DC on the network: its store outlives it, and it can be killed and started again. */
#include "sim_relay.h"

#include "zone_store.h"

static void dc_send(void *ctx, const struct ntm_addr *to, const uint8_t *data, size_t len)
{
	struct sim_dc *dc = ctx;

	dc->sent++;
	sim_send(dc->place.lan,
		 to->ip.family == 6 && dc->addr6.ip.family == 6 ? &dc->addr6 : &dc->addr, to, data,
		 len);
}

static void dc_deliver(void *ctx, const struct ntm_addr *from, const struct ntm_addr *to,
		       const uint8_t *data, size_t len)
{
	struct sim_dc *dc = ctx;
	struct ntm_pkt pkt;

	if (dc->dc == NULL || to->port != dc->addr.port || len > NTM_PKT_MAX)
		return;
	ntm_pkt_reset(&pkt);
	memcpy(ntm_pkt_put(&pkt, len), data, len);
	dc_udp_input(dc->dc, from, &pkt);
}

static int dc_lookup(void *ctx, const char *name, uint16_t type, ntm_dnsclient_fn *fn, void *arg,
		     uint64_t *id)
{
	struct sim_dc *dc = ctx;

	return sim_dns_ask(dc->sim, name, type, fn, arg, id);
}

static void dc_lookup_cancel(void *ctx, uint64_t id)
{
	struct sim_dc *dc = ctx;

	sim_dns_cancel(dc->sim, id);
}

void sim_dc_start(struct sim_dc *dc)
{
	static const struct dc_ops ops = {.udp_send = dc_send,
					  .lookup = dc_lookup,
					  .lookup_cancel = dc_lookup_cancel};
	struct dc_args args = {.ops = &ops,
			       .ctx = dc,
			       .timers = &dc->sim->timers,
			       .settings = &dc->settings,
			       .keys = &dc->keys,
			       .root = &dc->root,
			       .store = dc->store,
			       .zone = &dc->zone};

	assert_null(dc->dc);
	dc->dc = dc_new(&args);
	assert_non_null(dc->dc);
}

void sim_dc_kill(struct sim_dc *dc)
{
	dc_free(dc->dc);
	dc->dc = NULL;
}

static void open_store(struct sim_dc *dc)
{
	const struct ntm_ip reserved[] = {dc->settings.resolver4, dc->settings.resolver6};
	struct store_config config = {.path = ":memory:",
				      .domain = dc->domain,
				      .prefix4 = dc->settings.prefix4,
				      .prefix6 = dc->settings.prefix6,
				      .reserved = reserved,
				      .reserved_count = 2};
	char words[STORE_WORDS] = "";

	if (store_open(&dc->store, &config, words) != 0)
		fail_msg("%s", words);
}

static void make_zone(struct sim_dc *dc)
{
	struct zone_config zone = {.port = SIM_NTM_PORT,
				   .dc_addr_count = 1,
				   .dc_addr = {dc->addr.ip},
				   .prefix4 = dc->settings.prefix4,
				   .prefix6 = dc->settings.prefix6,
				   .lookup = zone_lookup_from_store(dc->store)};

	strcpy(zone.domain, dc->domain);
	memcpy(zone.root, dc->root.pub, sizeof(zone.root));
	assert_int_equal(zone_init(&dc->zone, &zone), 0);
}

struct sim_dc *sim_dc_new(struct sim *sim, const char *domain, const char *ip)
{
	struct sim_dc *dc = calloc(1, sizeof(*dc));
	unsigned number = 0;
	char text[64];

	assert_non_null(dc);
	for (const struct sim_dc *other = sim->dcs; other != NULL; other = other->next)
		number++;
	dc->sim = sim;
	dc->addr = sim_addr(ip, SIM_NTM_PORT);
	snprintf(dc->domain, sizeof(dc->domain), "%s", domain);
	dc->settings = dc_settings_default;
	strcpy(dc->settings.domain, domain);
	snprintf(text, sizeof(text), "198.%u.0.0/16", 18 + number);
	assert_int_equal(ntm_prefix_parse(&dc->settings.prefix4, text), 0);
	snprintf(text, sizeof(text), "fd00:1:%u::/48", 2 + number);
	assert_int_equal(ntm_prefix_parse(&dc->settings.prefix6, text), 0);
	dc->settings.resolver4 = ntm_prefix_last_usable(&dc->settings.prefix4);
	dc->settings.resolver6 = ntm_prefix_last_usable(&dc->settings.prefix6);
	ntm_root_make(&dc->root);
	ntm_keys_make(&dc->keys);
	open_store(dc);
	make_zone(dc);
	dc->place = (struct sim_place){.ip = dc->addr.ip, .deliver = dc_deliver, .ctx = dc};
	sim_place_add(&sim->internet, &dc->place);
	sim_dc_start(dc);
	dc->next = sim->dcs;
	sim->dcs = dc;
	return dc;
}

void sim_dc_add6(struct sim_dc *dc, const char *ip6)
{
	dc->addr6 = sim_addr(ip6, SIM_NTM_PORT);
	dc->place6 = dc->place;
	dc->place6.ip = dc->addr6.ip;
	sim_place_add(&dc->sim->internet, &dc->place6);
}

void sim_dc_move(struct sim_dc *dc, const char *ip)
{
	sim_place_del(&dc->place);
	dc->addr.ip = dc->place.ip = sim_ip(ip);
	sim_place_add(&dc->sim->internet, &dc->place);
	make_zone(dc);
}

void sim_dcs_free(struct sim *sim)
{
	while (sim->dcs != NULL) {
		struct sim_dc *dc = sim->dcs;

		sim->dcs = dc->next;
		sim_dc_kill(dc);
		store_close(dc->store);
		free(dc);
	}
}

/* ---- what the operator does ---- */

static void got_node(void *arg, int err, const struct store_node *node)
{
	struct store_node *out = arg;

	assert_int_equal(err, 0);
	if (out != NULL)
		*out = *node;
}

static void got_done(void *arg, int err)
{
	(void)arg;
	assert_int_equal(err, 0);
}

static void make_token(struct sim_dc *dc, const struct store_node *kind, const char *fqdn,
		       struct ntm_token *token)
{
	int64_t now_s = dc->sim->timers.wall_ms / 1000;
	struct store_token put = {.expires_s = now_s + 86400};
	struct store_node node, wanted = *kind;

	*token = (struct ntm_token){.kind = kind->role == STORE_RELAY ? NTM_TOKEN_RELAY
								      : NTM_TOKEN_NODE,
				    .expires_s = put.expires_s,
				    .dc = {dc->addr}};
	memcpy(token->dc_key, dc->keys.pub, sizeof(token->dc_key));
	memcpy(token->root, dc->root.pub, sizeof(token->root));
	snprintf(token->fqdn, sizeof(token->fqdn), "%s", fqdn);
	snprintf(token->domain, sizeof(token->domain), "%s", dc->domain);
	ntm_random(token->secret, sizeof(token->secret));
	ntm_token_hash(token, put.hash);
	snprintf(wanted.fqdn, sizeof(wanted.fqdn), "%s", fqdn);
	store_node_add(dc->store, &wanted, now_s, got_node, &node);
	put.node_id = node.id;
	store_token_put(dc->store, &put, got_done, NULL);
}

void sim_dc_token(struct sim_dc *dc, const char *fqdn, struct ntm_token *token)
{
	const struct store_node kind = {.role = STORE_NODE};

	make_token(dc, &kind, fqdn, token);
}

struct joined {
	struct sim_dc *dc;
	struct ntm_cert_blob blob;
};

static void got_join(void *arg, int err, const struct store_node *node,
		     const struct store_cert *cert)
{
	struct joined *joined = arg;
	struct ntm_cert sign = {.type = node->role == STORE_RELAY ? NTM_CERT_RELAY : NTM_CERT_NODE};

	assert_int_equal(err, 0);
	sign.serial = cert->serial;
	sign.not_before_s = cert->not_before_s;
	sign.not_after_s = cert->not_after_s;
	memcpy(sign.key, cert->key, sizeof(sign.key));
	strcpy(sign.fqdn, node->fqdn);
	if (node->role == STORE_NODE) { /* as a node a gateway gets another one */
		sign.vip4 = node->vip4;
		sign.vip6 = node->vip6;
	}
	joined->blob.len = (uint16_t)ntm_cert_sign(&sign, &joined->dc->root, joined->blob.data);
	assert_true(joined->blob.len > 0);
}

static void fill_answer(const struct sim_dc *dc, struct ntm_join_answer *answer)
{
	answer->prefixes.count = 2;
	answer->prefixes.item[0] = dc->settings.prefix4;
	answer->prefixes.item[1] = dc->settings.prefix6;
	answer->suffixes.count = 1;
	strcpy(answer->suffixes.item[0], dc->domain);
	answer->resolver4 = dc->settings.resolver4;
	answer->resolver6 = dc->settings.resolver6;
}

/* The token's use, by a host with these keys. */
static void join(struct sim_dc *dc, const struct ntm_token *token, const struct ntm_keys *keys,
		 struct ntm_join_answer *answer)
{
	struct store_join use = {.now_s = dc->sim->timers.wall_ms / 1000,
				 .lifetime_s = dc->settings.cert_lifetime_s};
	struct joined joined = {.dc = dc};

	ntm_token_hash(token, use.hash);
	memcpy(use.key, keys->pub, sizeof(use.key));
	store_token_use(dc->store, &use, got_join, &joined);
	*answer = (struct ntm_join_answer){.cert = joined.blob};
	fill_answer(dc, answer);
}

void sim_dc_lease(struct sim_dc *dc, const char *fqdn, struct node_lease *lease)
{
	int64_t now_s = dc->sim->timers.wall_ms / 1000;
	struct ntm_join_answer answer;
	struct ntm_token token;
	char words[160] = "";

	sim_dc_token(dc, fqdn, &token);
	lease_from_token(lease, &token);
	ntm_keys_make(&lease->keys);
	join(dc, &token, &lease->keys, &answer);
	if (lease_from_answer(lease, &answer, now_s, words, sizeof(words)) != 0)
		fail_msg("%s", words);
}

void sim_dc_relay_lease(struct sim_dc *dc, const char *fqdn, bool is_gateway,
			struct relay_lease *lease)
{
	const struct store_node kind = {.role = STORE_RELAY, .gateway = is_gateway};
	int64_t now_s = dc->sim->timers.wall_ms / 1000;
	struct ntm_join_answer answer;
	struct ntm_token token;
	char words[160] = "";

	make_token(dc, &kind, fqdn, &token);
	relay_lease_from_token(lease, &token);
	ntm_keys_make(&lease->keys);
	join(dc, &token, &lease->keys, &answer);
	if (relay_lease_from_answer(lease, &answer, now_s, words, sizeof(words)) != 0)
		fail_msg("%s", words);
}

void sim_dc_revoke(struct sim_dc *dc, const char *fqdn)
{
	dc_revoke(dc->dc, fqdn, got_node, NULL);
}

void sim_dc_exit(struct sim_dc *dc, const char *fqdn, bool may)
{
	dc_set_exit(dc->dc, fqdn, may, got_done, NULL);
}

void sim_pin(const struct sim_dc *whom, struct trust_pin *pin)
{
	*pin = (struct trust_pin){.mode = TRUST_PINNED,
				  .has_root = true,
				  .prefix4 = whom->settings.prefix4,
				  .prefix6 = whom->settings.prefix6,
				  .allow_all = true};
	strcpy(pin->domain, whom->domain);
	memcpy(pin->root, whom->root.pub, sizeof(pin->root));
}

void sim_trust(struct sim_dc *dc, const struct trust_pin *pin)
{
	store_pin_put(dc->store, pin, got_done, NULL);
	if (dc->dc != NULL)
		assert_int_equal(dc_trust_changed(dc->dc), 0);
}

void sim_untrust(struct sim_dc *dc, const char *domain)
{
	store_pin_remove(dc->store, domain, got_done, NULL);
	if (dc->dc != NULL)
		assert_int_equal(dc_trust_changed(dc->dc), 0);
}

void sim_trust_each_other(struct sim_dc *a, struct sim_dc *b)
{
	struct trust_pin pin;

	sim_pin(a, &pin);
	sim_trust(b, &pin);
	sim_pin(b, &pin);
	sim_trust(a, &pin);
}
