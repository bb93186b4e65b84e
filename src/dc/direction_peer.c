/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom a Direction Request is about, by name or by virtual address (R88, R92, R106). */
#include "direction_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void direction_words(struct ntm_msg_direction_error *error, uint8_t code, const char *fmt, ...)
{
	va_list args;

	error->code = code;
	va_start(args, fmt);
	vsnprintf(error->words, sizeof(error->words), fmt, args);
	va_end(args);
}

static void store_failed(struct ntm_msg_direction_error *error)
{
	direction_words(error, NTM_DIR_BUSY, "the DC's store does not answer: see the DC's log");
}

/* Names that the zone has, but that are no node's (zone.h). */
static bool is_zone_name(const struct dc *dc, const char *fqdn)
{
	return zone_name_check(dc->settings.domain, fqdn) != NULL ||
	       lookup_below(dc->store, fqdn) == 0;
}

/* A relay only forwards, unless it is a gateway, where tunnels end. */
static bool is_node(const struct store_node *found, struct ntm_msg_direction_error *error)
{
	if (found->role == STORE_NODE || found->gateway)
		return true;
	direction_words(error, NTM_DIR_NOT_NTM, "%s is a relay, and no node", found->fqdn);
	return false;
}

static bool find_by_name(const struct dc *dc, const char *fqdn, struct store_node *cn,
			 struct ntm_msg_direction_error *error)
{
	int err = lookup_by_name(dc->store, fqdn, cn);

	if (err == -ENOENT && is_zone_name(dc, fqdn))
		direction_words(error, NTM_DIR_NOT_NTM, "%s is a name of the domain, but no node",
				fqdn);
	else if (err == -ENOENT)
		direction_words(error, NTM_DIR_NO_SUCH_NAME, "there is no node %s", fqdn);
	else if (err)
		store_failed(error);
	return err == 0 && is_node(cn, error);
}

static bool find_by_vip(const struct dc *dc, const struct ntm_ip *vip, struct store_node *cn,
			struct ntm_msg_direction_error *error)
{
	char text[NTM_IP_STR];
	int err = lookup_by_vip(dc->store, vip, cn);

	error->vip = *vip;
	if (err == -ENOENT)
		direction_words(error, NTM_DIR_NO_SUCH_ADDRESS, "no node of %s has the address %s",
				dc->settings.domain, ntm_ip_str(vip, text));
	else if (err)
		store_failed(error);
	return err == 0 && is_node(cn, error);
}

/* R106: the flag of SIP, and likewise any packet without a tunnel, comes with the VIP. */
bool direction_peer_ours(const struct dc *dc, const struct wanted *wanted, struct store_node *cn,
			 struct ntm_msg_direction_error *error)
{
	const struct dc_settings *settings = &dc->settings;
	char text[NTM_IP_STR];

	if (wanted->fqdn[0] != '\0') {
		if (ntm_name_under(wanted->fqdn, settings->domain))
			return find_by_name(dc, wanted->fqdn, cn, error);
		direction_words(error, NTM_DIR_NO_SUCH_NAME,
				"%s is neither in %s nor in a domain that it trusts", wanted->fqdn,
				settings->domain);
		return false;
	}
	if (ntm_prefix_has(&settings->prefix4, &wanted->vip) ||
	    ntm_prefix_has(&settings->prefix6, &wanted->vip))
		return find_by_vip(dc, &wanted->vip, cn, error);
	error->vip = wanted->vip;
	direction_words(error, NTM_DIR_NO_SUCH_ADDRESS,
			"%s is a virtual address neither of %s nor of a domain that it trusts",
			ntm_ip_str(&wanted->vip, text), settings->domain);
	return false;
}

/* R55, R89, R107: the DC of another domain is found by name or address, and asked. */
static struct foreign *find_foreign(const struct dc *dc, const struct wanted *wanted)
{
	return wanted->fqdn[0] != '\0' ? foreign_by_name(dc, wanted->fqdn)
				       : foreign_by_vip(dc, &wanted->vip);
}

/* Asked of the store each time: what the operator says counts at once. */
static bool may_exit(const struct registry_node *node, const struct store_node *gateway,
		     struct ntm_msg_direction_error *error)
{
	struct store_node mn;
	int err = lookup_by_key(node->dc->store, node->who.key, &mn);

	if (err) {
		store_failed(error);
		return false;
	}
	if (mn.may_exit)
		return true;
	direction_words(error, NTM_DIR_FORBIDDEN,
			"%s may not send through gateways such as %s: ntm-dc node exit %s on",
			mn.fqdn, gateway->fqdn, mn.fqdn);
	return false;
}

bool direction_peer_find(const struct registry_node *node, const char *fqdn_mn,
			 const struct wanted *wanted, struct peer *peer,
			 struct ntm_msg_direction_error *error)
{
	const struct dc *dc = node->dc;
	struct store_node *cn = &peer->ours;

	if (strcmp(fqdn_mn, node->who.fqdn) != 0) {
		direction_words(error, NTM_DIR_FORBIDDEN, "a node asks for itself: this is %s",
				node->who.fqdn);
		return false;
	}
	if (node->who.gateway) {
		direction_words(error, NTM_DIR_FORBIDDEN, "%s is a gateway: nodes come to it",
				node->who.fqdn);
		return false;
	}
	peer->foreign = find_foreign(dc, wanted);
	if (peer->foreign)
		return true;
	if (!direction_peer_ours(dc, wanted, cn, error))
		return false;
	if (wanted->fqdn[0] != '\0')
		error->vip = cn->vip4.family != 0 ? cn->vip4 : cn->vip6;
	if (cn->id == node->who.id) {
		direction_words(error, NTM_DIR_FORBIDDEN, "%s is this node itself", cn->fqdn);
		return false;
	}
	return !cn->gateway || may_exit(node, cn, error);
}

/* "3 min" */
static const char *span(int64_t ms, char text[static 32])
{
	static const struct {
		int64_t ms;
		const char *unit;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}};
	size_t i = 0;

	while (i < 3 && ms < units[i].ms)
		i++;
	snprintf(text, 32, "%" PRId64 " %s", ms / units[i].ms, units[i].unit);
	return text;
}

struct registry_node *direction_peer_online(const struct dc *dc, const struct store_node *cn,
					    struct ntm_msg_direction_error *error)
{
	struct registry_node *node = cn->joined ? registry_by_key(&dc->registry, cn->key) : NULL;
	int64_t seen_ms = node ? registry_seen_ms(node) : 0;
	const char *program = cn->gateway ? "ntm-relay" : "ntm-node";
	char text[32];

	if (node && registry_is_online(node))
		return node;
	if (!cn->joined)
		direction_words(error, NTM_DIR_OFFLINE,
				"%s has not joined yet: %s join is to be run there", cn->fqdn,
				program);
	else if (seen_ms > 0)
		direction_words(error, NTM_DIR_OFFLINE,
				"%s is not online: last seen %s ago; is %s running there?",
				cn->fqdn, span(dc_now_ms(dc) - seen_ms, text), program);
	else
		direction_words(
			error, NTM_DIR_OFFLINE,
			"%s is not online: not seen since the DC started %s ago; is %s running "
			"there?",
			cn->fqdn, span(dc_now_ms(dc) - dc->start_ms, text), program);
	return NULL;
}
