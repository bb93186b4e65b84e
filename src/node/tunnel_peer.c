/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom a tunnel may lead to: certificates of peers, of their domains, and when they end. */
#include "tunnel_priv.h"

#include "ntm/log.h"

#include <errno.h>
#include <string.h>

static int64_t now_s(const struct tunnels *all)
{
	return all->args.timers->wall_ms / 1000;
}

/* ---- what a name and addresses may be, by whose root has signed them ---- */

static const char *check_own_claim(const struct realm *realm, const char *fqdn,
				   const struct ntm_ip *vip4, const struct ntm_ip *vip6)
{
	const struct node_lease *lease = realm->lease;

	if (!ntm_name_under(fqdn, lease->domain))
		return "the peer's name is outside of the domain";
	if (realm_owner_of_name(realm, fqdn, NULL) == REALM_PARTNER)
		return "the peer's name belongs to a partner domain";
	if ((vip4->family != 0 && !lease_is_virtual(lease, vip4)) ||
	    (vip6->family != 0 && !lease_is_virtual(lease, vip6)))
		return "the peer's virtual address is outside of the domain's prefixes";
	return NULL;
}

static const char *check_partner_vip(const struct realm *realm, const struct partner *partner,
				     const struct ntm_ip *vip)
{
	if (vip->family == 0 || partner_has(partner, vip))
		return NULL;
	if (lease_is_virtual(realm->lease, vip))
		return "the peer of a partner domain claims a virtual address of our domain";
	if (partners_of_ip(realm->partners, vip) != NULL)
		return "the peer claims a virtual address of another partner domain";
	return "the peer's virtual address is outside of its domain's prefixes";
}

static const char *check_partner_claim(const struct realm *realm, const struct partner *partner,
				       const char *fqdn, const struct ntm_ip *vip4,
				       const struct ntm_ip *vip6)
{
	const struct partner *owner = NULL;

	if (!ntm_name_under(fqdn, partner->domain))
		return "the peer's name is outside of its domain";
	if (realm_owner_of_name(realm, fqdn, &owner) != REALM_PARTNER)
		return "the peer of a partner domain claims a name of our domain";
	if (owner != partner)
		return "the peer claims a name of another partner domain";
	const char *words = check_partner_vip(realm, partner, vip4);
	return words != NULL ? words : check_partner_vip(realm, partner, vip6);
}

/* ---- revocations ---- */

static bool is_vip(const struct ntm_ip *revoked, const struct ntm_ip *vip)
{
	return revoked->family == 0 || ntm_ip_eq(revoked, vip);
}

/* The key, and the addresses as far as they are told: another domain's DC may be behind the
 * message, and has a say about its own nodes only. */
static bool is_about(const struct ntm_msg_revoked *revoked, const uint8_t key[static NTM_KEY_LEN],
		     const struct ntm_ip *vip4, const struct ntm_ip *vip6)
{
	return memcmp(revoked->key, key, NTM_KEY_LEN) == 0 && is_vip(&revoked->vip4, vip4) &&
	       is_vip(&revoked->vip6, vip6);
}

static bool was_revoked(const struct tunnels *all, const struct ntm_cert *cert)
{
	for (size_t i = 0; i < TUNNEL_REVOKED; i++)
		if (is_about(&all->revoked[i], cert->key, &cert->vip4, &cert->vip6))
			return true;
	return false;
}

/* ---- Route Directions ---- */

/* Checks the domain that rd introduces and makes it known; *partner is its entry then. */
static const char *learn_domain(struct tunnels *all, const struct ntm_cert_blob *blob,
				const struct partner **partner)
{
	const struct realm *realm = all->args.realm;
	struct ntm_cert cert;
	struct partner news;
	int err = ntm_cert_check(&cert, blob->data, blob->len, realm->lease->root, now_s(all));

	if (err == -ETIME)
		return "the certificate of the peer's domain is not valid now: is the clock right, "
		       "here and at the DC?";
	if (err != 0)
		return "the peer's domain is not introduced by our domain's root";
	if (cert.type != NTM_CERT_DOMAIN)
		return "what introduces the peer's domain is no domain's certificate";
	partner_from_cert(&news, &cert);
	if (!partner_is_learned(&news))
		return "the root key of the peer's domain is not known yet";
	*partner = partners_find(realm->partners, news.domain);
	if (*partner != NULL && partner_eq(*partner, &news))
		return NULL;
	const char *why = all->args.learn(all->args.ctx, &news);
	if (why != NULL)
		return why;
	*partner = partners_find(realm->partners, news.domain);
	return *partner != NULL ? NULL : "the peer's domain is not known";
}

static const char *check_cert(const struct tunnels *all, const struct ntm_cert_blob *blob,
			      const struct partner *partner, struct ntm_cert *cert)
{
	const struct node_lease *lease = all->args.realm->lease;
	const uint8_t *root = partner != NULL ? partner->root : lease->root;
	int err = ntm_cert_check(cert, blob->data, blob->len, root, now_s(all));

	if (err == -ETIME)
		return "the peer's certificate is not valid now: is the clock right, here and "
		       "there?";
	if (err != 0)
		return partner != NULL
			       ? "the peer's certificate is not signed by its domain's root"
			       : "the peer's certificate is not signed by our domain's root";
	if (cert->type != NTM_CERT_NODE)
		return "the peer's certificate is no node's";
	if (cert->vip4.family == 0 && cert->vip6.family == 0)
		return "the peer has no virtual address";
	if (lease_is_ours(lease, &cert->vip4) || lease_is_ours(lease, &cert->vip6) ||
	    memcmp(cert->key, lease->keys.pub, NTM_KEY_LEN) == 0)
		return "the peer claims to be this node";
	return NULL;
}

const char *tunnel_check_peer(struct tunnels *all, const struct ntm_msg_route_direction *rd,
			      struct ntm_cert *cert, uint8_t root[static NTM_SIGN_PUB_LEN])
{
	const struct realm *realm = all->args.realm;
	const struct partner *partner = NULL;
	const char *words =
		rd->peer_domain.len > 0 ? learn_domain(all, &rd->peer_domain, &partner) : NULL;

	if (words == NULL)
		words = check_cert(all, &rd->peer_cert, partner, cert);
	if (words == NULL && was_revoked(all, cert))
		words = "the peer was revoked by its DC";
	if (words != NULL)
		return words;
	memcpy(root, partner != NULL ? partner->root : realm->lease->root, NTM_SIGN_PUB_LEN);
	return partner != NULL
		       ? check_partner_claim(realm, partner, cert->fqdn, &cert->vip4, &cert->vip6)
		       : check_own_claim(realm, cert->fqdn, &cert->vip4, &cert->vip6);
}

/* ---- ends ---- */

static void end_tunnel(struct tunnel *tunnel, uint8_t code, const char *words)
{
	tunnel_close_links(tunnel);
	if (tunnel->asked_ms == 0)
		tunnel->asked_ms = tunnel->owner->args.timers->now_ms;
	tunnel_fail(tunnel, -EACCES, code, words);
}

void tunnels_on_revoked(struct tunnels *all, const struct ntm_msg_revoked *revoked)
{
	const struct node_lease *lease = all->args.realm->lease;
	struct tunnel *next;

	all->revoked[all->revoked_next] = *revoked;
	all->revoked_next = (all->revoked_next + 1) % TUNNEL_REVOKED;
	if (is_about(revoked, lease->keys.pub, &lease->vip4, &lease->vip6)) {
		all->is_revoked = true;
		ntm_err("the DC has revoked this node: ask its operator for a new join token");
	}
	for (struct tunnel *t = all->list; t != NULL; t = next) {
		next = t->next;
		if (t->is_known && is_about(revoked, t->key, &t->vip4, &t->vip6))
			end_tunnel(t, NTM_DIR_FORBIDDEN, "the peer was revoked by its DC");
	}
}

static bool is_virtual(const struct realm *realm, const struct ntm_ip *vip)
{
	return vip->family == 0 || realm_is_virtual(realm, vip);
}

/* Of a peer that is not known the DC has yet to say whether it is one. */
static bool is_of_realm(const struct realm *realm, const struct tunnel *t)
{
	const struct partner *partner = NULL;

	if (!t->is_known)
		return is_virtual(realm, &t->vip4) && is_virtual(realm, &t->vip6);
	if (memcmp(t->root, realm->lease->root, sizeof(t->root)) == 0)
		return check_own_claim(realm, t->fqdn, &t->vip4, &t->vip6) == NULL;
	return realm_owner_of_name(realm, t->fqdn, &partner) == REALM_PARTNER &&
	       memcmp(t->root, partner->root, sizeof(t->root)) == 0 &&
	       check_partner_claim(realm, partner, t->fqdn, &t->vip4, &t->vip6) == NULL;
}

void tunnels_on_realm(struct tunnels *all)
{
	struct tunnel *next;

	for (struct tunnel *t = all->list; t != NULL; t = next) {
		next = t->next;
		if (t->state != TUNNEL_IDLE && t->state != TUNNEL_FAILED &&
		    !is_of_realm(all->args.realm, t))
			end_tunnel(t, NTM_DIR_UNTRUSTED,
				   "the peer's domain is no partner any more");
	}
}
