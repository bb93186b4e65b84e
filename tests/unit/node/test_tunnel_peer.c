/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of whom a tunnel may lead to: peers in partner domains, hostile ones, and their ends. */
#include "tunnelworld.h"

#include "node/partner_sample.h"

/* b.example, as our DC introduces it; w->b is its node b.b.example. */
struct foreign {
	struct ntm_root root; /* of b.example */
	struct ntm_cert domain;
};

static struct ntm_cert domain_cert(const struct ntm_root *root, const char *domain,
				   const char *prefix4, const char *prefix6)
{
	struct partner partner = partner_sample(domain, 0, prefix4, prefix6);
	struct ntm_cert cert = {.type = NTM_CERT_DOMAIN,
				.serial = 7,
				.not_before_s = WALL_MS / 1000 - 3600,
				.not_after_s = WALL_MS / 1000 + 86400,
				.prefix4 = partner.prefix4,
				.prefix6 = partner.prefix6};

	memcpy(cert.key, root->pub, sizeof(cert.key));
	strcpy(cert.fqdn, domain);
	return cert;
}

static void move_abroad(struct world *w, struct foreign *f)
{
	struct node_lease *lease = &w->b.lease;

	ntm_root_make(&f->root);
	f->domain = domain_cert(&f->root, "b.example", "198.19.0.0/16", "fd02::/64");
	strcpy(lease->fqdn, "b.b.example");
	strcpy(lease->domain, "b.example");
	memcpy(lease->root, f->root.pub, sizeof(lease->root));
	lease->vip4 = ntm_ip_v4(198, 19, 0, 2);
	lease->vip6 = (struct ntm_ip){.family = 6, .b = {0xfd, 2, [15] = 2}};
	lease->prefixes.item[0] = f->domain.prefix4;
	lease->prefixes.item[1] = f->domain.prefix6;
	strcpy(w->b.cert.fqdn, lease->fqdn);
	w->b.cert.vip4 = lease->vip4;
	w->b.cert.vip6 = lease->vip6;
}

static void sign_by(const struct ntm_cert *cert, const struct ntm_root *root,
		    struct ntm_cert_blob *blob)
{
	blob->len = (uint16_t)ntm_cert_sign(cert, root, blob->data);
	assert_true(blob->len > 0);
}

/* What A is told of B. */
static struct ntm_msg told_abroad(struct world *w, const struct foreign *f,
				  const struct ntm_msg_route_direction *pair, uint8_t role)
{
	struct ntm_msg msg = told(&w->a, pair, role);

	sign_by(&w->b.cert, &f->root, &msg.route_direction.peer_cert);
	sign_by(&f->domain, &w->root, &msg.route_direction.peer_domain);
	return msg;
}

/* What B is told of A, by a DC that introduces ntm.example to its nodes. */
static void tell_abroad(struct world *w, const struct foreign *f,
			const struct ntm_msg_route_direction *pair, uint8_t role)
{
	struct ntm_msg msg = told(&w->b, pair, role);
	struct ntm_cert ours = domain_cert(&w->root, "ntm.example", "198.18.0.0/16", "fd00::/64");

	sign_by(&ours, &f->root, &msg.route_direction.peer_domain);
	tunnels_on_route_direction(w->b.tunnels, &msg);
}

static struct world *world_abroad(struct foreign *f)
{
	struct world *w = world_new();

	move_abroad(w, f);
	return w;
}

/* A's tunnel to B in b.example is up. */
static struct world *world_abroad_up(struct foreign *f)
{
	struct world *w = world_abroad(f);
	struct ntm_msg_route_direction pair = pair_new(w);
	struct ntm_msg msg = told_abroad(w, f, &pair, NTM_ROLE_REQUESTS);

	assert_int_equal(want_name(&w->a, "b.b.example", NULL), 0);
	tell_abroad(w, f, &pair, NTM_ROLE_ANSWERS);
	assert_int_equal(w->b.dc.acks, 1);
	msg.is_reply = true;
	answer(&w->a, w->a.dc.count - 1, 0, &msg);
	run(w, 100);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_UP);
	assert_int_equal(state_of(&w->b, &w->a.lease.vip4), TUNNEL_UP);
	return w;
}

/* ---- good ones ---- */

static void a_peer_in_another_domain_is_reached(void **state)
{
	struct foreign f;
	struct world *w = world_abroad_up(&f);

	(void)state;
	/* Both have learnt the other's domain from the Route Direction. */
	assert_int_equal(w->a.learnt, 1);
	assert_int_equal(w->b.learnt, 1);
	const struct partner *partner = partners_find(&w->a.partners, "b.example");
	assert_non_null(partner);
	assert_memory_equal(partner->root, f.root.pub, sizeof(partner->root));
	send_mark(&w->a, &w->b.lease.vip4, 1);
	send_mark(&w->b, &w->a.lease.vip6, 2);
	run(w, 50);
	assert_int_equal(w->b.marks[0], 1);
	assert_int_equal(w->a.marks[0], 2);
	world_free(w);
}

static void a_domain_is_taught_once(void **state)
{
	struct foreign f;
	struct world *w = world_abroad_up(&f);
	struct ntm_msg_route_direction pair = pair_new(w);
	struct ntm_msg msg = told_abroad(w, &f, &pair, NTM_ROLE_ANSWERS);

	(void)state;
	tunnels_on_route_direction(w->a.tunnels, &msg);
	assert_int_equal(w->a.dc.acks, 1);
	assert_int_equal(w->a.learnt, 1);
	/* It has another prefix beside now: that is news. */
	f.domain.prefix6.len = 48;
	f.domain.serial++;
	pair = pair_new(w);
	msg = told_abroad(w, &f, &pair, NTM_ROLE_ANSWERS);
	tunnels_on_route_direction(w->a.tunnels, &msg);
	assert_int_equal(w->a.dc.acks, 2);
	assert_int_equal(w->a.learnt, 2);
	assert_int_equal(partners_find(&w->a.partners, "b.example")->prefix6.len, 48);
	world_free(w);
}

static void a_part_of_our_domain_may_be_a_partner(void **state)
{
	struct foreign f;
	struct world *w = world_abroad(&f);
	struct ntm_msg_route_direction pair = pair_new(w);

	(void)state;
	strcpy(f.domain.fqdn, "sub.ntm.example");
	strcpy(w->b.cert.fqdn, "b.sub.ntm.example");
	struct ntm_msg msg = told_abroad(w, &f, &pair, NTM_ROLE_REQUESTS);
	tunnels_on_route_direction(w->a.tunnels, &msg);
	assert_int_equal(w->a.dc.acks, 1);
	world_free(w);
}

static void one_family_is_enough(void **state)
{
	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct foreign f;
		struct world *w = world_abroad(&f);
		struct ntm_msg_route_direction pair = pair_new(w);

		*(family == 4 ? &w->b.cert.vip6 : &w->b.cert.vip4) = (struct ntm_ip){0};
		*(family == 4 ? &f.domain.prefix6 : &f.domain.prefix4) = (struct ntm_prefix){0};
		struct ntm_msg msg = told_abroad(w, &f, &pair, NTM_ROLE_REQUESTS);
		tunnels_on_route_direction(w->a.tunnels, &msg);
		assert_int_equal(w->a.dc.acks, 1);
		world_free(w);
	}
}

/* ---- hostile ones ---- */

enum flaw {
	/* of the peer's certificate */
	OUR_VIP4,
	OUR_VIP6,
	OUR_NAME,
	OUR_DOMAIN,
	OTHER_VIP,
	OTHER_NAME,
	OUTSIDE_VIP,
	OUTSIDE_NAME,
	NO_VIP,
	THIS_NODE,
	THIS_KEY,
	SIGNED_BY_US,
	SIGNED_BY_OTHER,
	DC_CERT,
	EXPIRED,
	EARLY,
	/* of the domain's */
	DOMAIN_BY_PARTNER,
	DOMAIN_BY_ITSELF,
	DOMAIN_EXPIRED,
	DOMAIN_ZERO_KEY,
	DOMAIN_OUR_KEY,
	DOMAIN_IS_OURS,
	DOMAIN_HAS_OUR_PREFIX,
	DOMAIN_HAS_OTHERS_PREFIX,
	DOMAIN_NO_PREFIX,
	DOMAIN_IS_DC,
	DOMAIN_CUT,
	FLAWS
};

static const char *const flaw_words[] = {
	[OUR_VIP4] = "a virtual address of our domain",
	[OUR_VIP6] = "a virtual address of our domain",
	[OUR_NAME] = "outside of its domain",
	[OUR_DOMAIN] = "a name of our domain",
	[OTHER_VIP] = "a virtual address of another partner",
	[OTHER_NAME] = "a name of another partner",
	[OUTSIDE_VIP] = "outside of its domain's prefixes",
	[OUTSIDE_NAME] = "outside of its domain",
	[NO_VIP] = "no virtual address",
	[THIS_NODE] = "claims to be this node",
	[THIS_KEY] = "claims to be this node",
	[SIGNED_BY_US] = "not signed by its domain's root",
	[SIGNED_BY_OTHER] = "not signed by its domain's root",
	[DC_CERT] = "no node's",
	[EXPIRED] = "is the clock right",
	[EARLY] = "is the clock right",
	[DOMAIN_BY_PARTNER] = "not introduced by our domain's root",
	[DOMAIN_BY_ITSELF] = "not introduced by our domain's root",
	[DOMAIN_EXPIRED] = "of the peer's domain is not valid now",
	[DOMAIN_ZERO_KEY] = "not known yet",
	[DOMAIN_OUR_KEY] = "our own root key",
	[DOMAIN_IS_OURS] = "is our own",
	[DOMAIN_HAS_OUR_PREFIX] = "overlaps with ours",
	[DOMAIN_HAS_OTHERS_PREFIX] = "overlaps with another partner's",
	[DOMAIN_NO_PREFIX] = "no prefix",
	[DOMAIN_IS_DC] = "no domain's certificate",
	[DOMAIN_CUT] = "not introduced by our domain's root",
};

static void spoil_peer(struct world *w, enum flaw flaw)
{
	struct ntm_cert *cert = &w->b.cert;

	if (flaw == OUR_VIP4)
		cert->vip4 = ntm_ip_v4(198, 18, 0, 9);
	else if (flaw == OUR_VIP6)
		cert->vip6 = (struct ntm_ip){.family = 6, .b = {0xfd, [15] = 9}};
	else if (flaw == OUR_NAME)
		strcpy(cert->fqdn, "c.ntm.example");
	else if (flaw == OUR_DOMAIN)
		strcpy(cert->fqdn, "c.ntm.example"); /* of a domain above ours: spoil_domain */
	else if (flaw == OTHER_VIP)
		cert->vip4 = ntm_ip_v4(198, 20, 0, 9);
	else if (flaw == OTHER_NAME)
		strcpy(cert->fqdn, "x.c.b.example");
	else if (flaw == OUTSIDE_VIP)
		cert->vip4 = ntm_ip_v4(198, 51, 100, 9);
	else if (flaw == OUTSIDE_NAME)
		strcpy(cert->fqdn, "b.bb.example");
	else if (flaw == NO_VIP)
		cert->vip4 = cert->vip6 = (struct ntm_ip){0};
	else if (flaw == THIS_NODE)
		cert->vip4 = w->a.lease.vip4;
	else if (flaw == THIS_KEY)
		memcpy(cert->key, w->a.lease.keys.pub, NTM_KEY_LEN);
	else if (flaw == EXPIRED)
		cert->not_after_s = WALL_MS / 1000 - NTM_CERT_SKEW_S - 1;
	else if (flaw == EARLY)
		cert->not_before_s = WALL_MS / 1000 + NTM_CERT_SKEW_S + 10;
}

static void spoil_domain(struct world *w, enum flaw flaw, struct ntm_cert *domain)
{
	if (flaw == OUR_DOMAIN)
		strcpy(domain->fqdn, "example");
	else if (flaw == DOMAIN_EXPIRED)
		domain->not_after_s = WALL_MS / 1000 - NTM_CERT_SKEW_S - 1;
	else if (flaw == DOMAIN_ZERO_KEY)
		memset(domain->key, 0, sizeof(domain->key));
	else if (flaw == DOMAIN_OUR_KEY)
		memcpy(domain->key, w->root.pub, sizeof(domain->key));
	else if (flaw == DOMAIN_IS_OURS)
		strcpy(domain->fqdn, "ntm.example");
	else if (flaw == DOMAIN_HAS_OUR_PREFIX)
		assert_int_equal(ntm_prefix_parse(&domain->prefix4, "198.18.0.0/15"), 0);
	else if (flaw == DOMAIN_HAS_OTHERS_PREFIX)
		assert_int_equal(ntm_prefix_parse(&domain->prefix6, "fd03::/32"), 0);
	else if (flaw == DOMAIN_NO_PREFIX)
		domain->prefix4 = domain->prefix6 = (struct ntm_prefix){0};
	else if (flaw == DOMAIN_IS_DC)
		domain->type = NTM_CERT_DC;
}

static struct ntm_msg told_spoilt(struct world *w, struct foreign *f, const struct ntm_root *other,
				  enum flaw flaw)
{
	struct ntm_msg_route_direction pair = pair_new(w);

	spoil_peer(w, flaw);
	spoil_domain(w, flaw, &f->domain);
	if (flaw == DC_CERT) {
		w->b.cert.type = NTM_CERT_DC;
		w->b.cert.vip4 = w->b.cert.vip6 = (struct ntm_ip){0};
	}
	struct ntm_msg msg = told_abroad(w, f, &pair, NTM_ROLE_REQUESTS);
	struct ntm_msg_route_direction *rd = &msg.route_direction;

	if (flaw == SIGNED_BY_US)
		sign_by(&w->b.cert, &w->root, &rd->peer_cert);
	else if (flaw == SIGNED_BY_OTHER)
		sign_by(&w->b.cert, other, &rd->peer_cert);
	else if (flaw == DOMAIN_BY_PARTNER)
		sign_by(&f->domain, other, &rd->peer_domain);
	else if (flaw == DOMAIN_BY_ITSELF)
		sign_by(&f->domain, &f->root, &rd->peer_domain);
	else if (flaw == DOMAIN_CUT)
		rd->peer_domain.len--;
	return msg;
}

/* A's other partner: a domain below b.example. */
static void add_other(struct world *w, struct ntm_root *root)
{
	struct partner other = partner_sample("c.b.example", 0, "198.20.0.0/16", "fd03:0:0:1::/64");

	ntm_root_make(root);
	memcpy(other.root, root->pub, sizeof(other.root));
	partner_put(&w->a.partners, &w->a.lease, other);
}

/* security.md A5: a foreign domain speaks for its own names and addresses only. */
static void a_partner_may_not_claim_what_is_not_its_own(void **state)
{
	(void)state;
	for (enum flaw flaw = 0; flaw < FLAWS; flaw++) {
		struct foreign f;
		struct world *w = world_abroad(&f);
		struct waiter waiter;
		struct ntm_root other;
		struct ntm_ip vip = w->b.lease.vip4;

		add_other(w, &other);
		struct ntm_msg msg = told_spoilt(w, &f, &other, flaw);
		/* As CN: not acknowledged, nothing is left. */
		tunnels_on_route_direction(w->a.tunnels, &msg);
		assert_int_equal(w->a.dc.acks, 0);
		assert_int_equal(w->a.tunnels->count, 0);
		/* As MN: it fails at once, and says why. */
		assert_int_equal(want_vip(&w->a, &vip, &waiter), 0);
		answer(&w->a, 0, 0, &msg);
		assert_int_equal(waiter.calls, 1);
		assert_int_equal(waiter.err, -EKEYREJECTED);
		if (strstr(waiter.words, flaw_words[flaw]) == NULL)
			fail_msg("%d: %s", flaw, waiter.words);
		assert_int_equal(w->a.initiations, 0);
		assert_non_null(partners_find(&w->a.partners, "c.b.example"));
		assert_int_equal(partners_find(&w->a.partners, "b.example") != NULL,
				 flaw < DOMAIN_BY_PARTNER && flaw != OUR_DOMAIN);
		world_free(w);
	}
}

/* Our own root speaks for our own domain only, unless it introduces another. */
static void a_node_of_ours_may_not_claim_what_is_a_partners(void **state)
{
	static const char *const names[] = {"x.sub.ntm.example", "x.b.example", "sub.ntm.example"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct world *w = world_new();
		struct ntm_msg_route_direction pair = pair_new(w);

		partner_put(&w->a.partners, &w->a.lease,
			    partner_sample("sub.ntm.example", 5, "198.21.0.0/16", NULL));
		partner_put(&w->a.partners, &w->a.lease,
			    partner_sample("b.example", 6, "198.19.0.0/16", NULL));
		if (i < 3)
			strcpy(w->b.cert.fqdn, names[i]);
		else
			w->b.cert.vip4 = ntm_ip_v4(198, 19, 0, 2);
		struct ntm_msg msg = told(&w->a, &pair, NTM_ROLE_REQUESTS);
		tunnels_on_route_direction(w->a.tunnels, &msg);
		assert_int_equal(w->a.dc.acks, 0);
		assert_int_equal(tunnels_counters(w->a.tunnels)->bad_route_directions, 1);
		world_free(w);
	}
}

/* ---- ends ---- */

static void a_domain_that_leaves_takes_its_tunnels_along(void **state)
{
	struct foreign f;
	struct world *w = world_abroad_up(&f);

	(void)state;
	tunnels_on_realm(w->a.tunnels); /* nothing has changed */
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_UP);
	memset(&w->a.partners, 0, sizeof(w->a.partners));
	tunnels_on_realm(w->a.tunnels);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_FAILED);
	assert_int_equal(ntm_links_count(w->a.links), 0);
	assert_int_equal(tunnel_fail_code(tunnel_find(w->a.tunnels, &w->b.lease.vip4)),
			 NTM_DIR_UNTRUSTED);
	run(w, 100);
	assert_int_equal(w->b.closes_in, 1);
	world_free(w);
}

/* The entry is there, but another: key, prefix, or a domain between. */
static void a_domain_that_changes_keeps_what_fits(void **state)
{
	(void)state;
	for (int change = 0; change < 4; change++) {
		struct foreign f;
		struct world *w = world_abroad_up(&f);
		struct partner partner = *partners_find(&w->a.partners, "b.example");

		if (change == 0) /* still holds the peer */
			assert_int_equal(ntm_prefix_parse(&partner.prefix4, "198.19.0.0/24"), 0);
		else if (change == 1)
			assert_int_equal(ntm_prefix_parse(&partner.prefix4, "198.19.1.0/24"), 0);
		else if (change == 2)
			memset(partner.root, 0, sizeof(partner.root));
		else
			partner = partner_sample("b.b.example", 9, "198.33.0.0/16", NULL);
		partner_put(&w->a.partners, &w->a.lease, partner);
		tunnels_on_realm(w->a.tunnels);
		assert_int_equal(state_of(&w->a, &w->b.lease.vip4),
				 change == 0 ? TUNNEL_UP : TUNNEL_FAILED);
		world_free(w);
	}
}

static void what_is_under_way_ends_as_well(void **state)
{
	struct foreign f;
	struct world *w = world_abroad(&f);
	struct waiter by_vip, by_name, ours;
	struct ntm_ip vip = w->b.lease.vip4;

	(void)state;
	partner_put(&w->a.partners, &w->a.lease,
		    partner_sample("b.example", 6, "198.19.0.0/16", NULL));
	assert_int_equal(want_vip(&w->a, &vip, &by_vip), 0);
	assert_int_equal(want_name(&w->a, "x.b.example", &by_name), 0);
	assert_int_equal(want_name(&w->a, "c.ntm.example", &ours), 0);
	memset(&w->a.partners, 0, sizeof(w->a.partners));
	tunnels_on_realm(w->a.tunnels);
	assert_int_equal(by_vip.calls, 1);
	assert_int_equal(by_vip.err, -EACCES);
	assert_int_equal(w->a.dc.cancels, 1);
	/* Whose names are peers' the DC says. */
	assert_int_equal(by_name.calls + ours.calls, 0);
	world_free(w);
}

static void tunnels_of_our_own_stay(void **state)
{
	struct world *w = world_up();

	(void)state;
	partner_put(&w->a.partners, &w->a.lease,
		    partner_sample("b.example", 6, "198.19.0.0/16", NULL));
	tunnels_on_realm(w->a.tunnels);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_UP);
	/* Unless the name is a partner's now. */
	partner_put(&w->a.partners, &w->a.lease,
		    partner_sample("b.ntm.example", 7, "198.22.0.0/16", NULL));
	tunnels_on_realm(w->a.tunnels);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_FAILED);
	world_free(w);
}

/* The message may come from another domain's DC, through ours. */
static void a_revocation_names_key_and_addresses(void **state)
{
	struct foreign f;
	struct world *w = world_abroad_up(&f);
	struct ntm_msg_revoked revoked = {.serial = 2, .vip4 = ntm_ip_v4(198, 19, 0, 3)};
	struct ntm_ip vip = w->b.lease.vip4;

	(void)state;
	memcpy(revoked.key, w->b.lease.keys.pub, NTM_KEY_LEN);
	tunnels_on_revoked(w->a.tunnels, &revoked);
	assert_int_equal(state_of(&w->a, &vip), TUNNEL_UP);
	revoked.vip4 = vip;
	revoked.vip6 = (struct ntm_ip){.family = 6, .b = {0xfd, 9}};
	tunnels_on_revoked(w->a.tunnels, &revoked);
	assert_int_equal(state_of(&w->a, &vip), TUNNEL_UP);
	revoked.vip6 = (struct ntm_ip){0};
	revoked.key[0] ^= 1;
	tunnels_on_revoked(w->a.tunnels, &revoked);
	assert_int_equal(state_of(&w->a, &vip), TUNNEL_UP);
	revoked.key[0] ^= 1;
	tunnels_on_revoked(w->a.tunnels, &revoked);
	assert_int_equal(state_of(&w->a, &vip), TUNNEL_FAILED);
	world_free(w);
}

static void our_own_revocation_is_remembered(void **state)
{
	struct world *w = world_new();
	struct ntm_msg_revoked revoked = {.serial = w->a.cert.serial, .vip4 = w->a.lease.vip4};

	(void)state;
	tunnels_on_revoked(w->a.tunnels, &revoked);
	assert_false(tunnels_is_revoked(w->a.tunnels));
	memcpy(revoked.key, w->a.lease.keys.pub, NTM_KEY_LEN);
	tunnels_on_revoked(w->a.tunnels, &revoked);
	assert_true(tunnels_is_revoked(w->a.tunnels));
	world_free(w);
}

/* The DC's answer may have been on its way when the peer was revoked, and come behind that. */
static void a_peer_that_was_revoked_does_not_come_late(void **state)
{
	struct world *w = world_new();
	struct ntm_msg_revoked revoked = {.serial = w->b.cert.serial,
					  .vip4 = w->b.lease.vip4,
					  .vip6 = w->b.lease.vip6};
	struct waiter waiter;

	(void)state;
	memcpy(revoked.key, w->b.lease.keys.pub, NTM_KEY_LEN);
	assert_int_equal(want_name(&w->a, w->b.lease.fqdn, &waiter), 0);
	tunnels_on_revoked(w->a.tunnels, &revoked);
	direct(&w->a, 0);
	run(w, 100);
	assert_int_equal(waiter.calls, 1);
	assert_int_equal(waiter.err, -EKEYREJECTED);
	assert_int_equal(state_of(&w->a, &w->b.lease.vip4), TUNNEL_IDLE);
	/* Who has joined anew has another key. */
	ntm_keys_make(&w->b.lease.keys);
	memcpy(w->b.cert.key, w->b.lease.keys.pub, NTM_KEY_LEN);
	struct ntm_msg_route_direction pair = pair_new(w);
	tell(&w->a, &pair, NTM_ROLE_REQUESTS);
	assert_int_equal(w->a.dc.acks, 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peer_in_another_domain_is_reached),
		cmocka_unit_test(a_domain_is_taught_once),
		cmocka_unit_test(a_part_of_our_domain_may_be_a_partner),
		cmocka_unit_test(one_family_is_enough),
		cmocka_unit_test(a_partner_may_not_claim_what_is_not_its_own),
		cmocka_unit_test(a_node_of_ours_may_not_claim_what_is_a_partners),
		cmocka_unit_test(a_domain_that_leaves_takes_its_tunnels_along),
		cmocka_unit_test(a_domain_that_changes_keeps_what_fits),
		cmocka_unit_test(what_is_under_way_ends_as_well),
		cmocka_unit_test(tunnels_of_our_own_stay),
		cmocka_unit_test(a_revocation_names_key_and_addresses),
		cmocka_unit_test(our_own_revocation_is_remembered),
		cmocka_unit_test(a_peer_that_was_revoked_does_not_come_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
