/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds a direction again: by both nodes, or by one of ours and what the other one is called. */
#include "direction_priv.h"

#include <errno.h>
#include <string.h>

static size_t make_pair(uint8_t id[static DIRECTION_PAIR_LEN], const uint8_t a[static NTM_KEY_LEN],
			const uint8_t b[static NTM_KEY_LEN], const char *domain)
{
	bool in_order = memcmp(a, b, NTM_KEY_LEN) < 0;
	size_t len = strnlen(domain, NTM_NAME_MAX);

	memcpy(id, in_order ? a : b, NTM_KEY_LEN);
	memcpy(id + NTM_KEY_LEN, in_order ? b : a, NTM_KEY_LEN);
	memcpy(id + 2 * NTM_KEY_LEN, domain, len);
	return 2 * NTM_KEY_LEN + len;
}

/* A name never equals an address: those begin with 4 or 6 as a byte. */
static size_t make_alias(uint8_t id[static DIRECTION_ALIAS_LEN],
			 const uint8_t node[static NTM_KEY_LEN], const struct wanted *wanted)
{
	size_t len = strlen(wanted->fqdn);

	memcpy(id, node, NTM_KEY_LEN);
	if (len > 0) {
		memcpy(id + NTM_KEY_LEN, wanted->fqdn, len);
		return NTM_KEY_LEN + len;
	}
	id[NTM_KEY_LEN] = wanted->vip.family;
	len = ntm_ip_len(&wanted->vip);
	memcpy(id + NTM_KEY_LEN + 1, wanted->vip.b, len);
	return NTM_KEY_LEN + 1 + len;
}

struct direction *direction_of_pair(const struct directions *all,
				    const uint8_t a[static NTM_KEY_LEN],
				    const uint8_t b[static NTM_KEY_LEN], const char *domain)
{
	uint8_t id[DIRECTION_PAIR_LEN];
	size_t len = make_pair(id, a, b, domain);

	return ntm_map_get(all->by_pair, id, len);
}

struct direction *direction_of_alias(const struct directions *all,
				     const uint8_t node[static NTM_KEY_LEN],
				     const struct wanted *wanted)
{
	uint8_t id[DIRECTION_ALIAS_LEN];
	size_t len = make_alias(id, node, wanted);

	return ntm_map_get(all->by_alias, id, len);
}

int direction_put_pair(struct direction *direction)
{
	struct directions *all = &direction->dc->directions;
	const struct side *mn = &direction->mn, *cn = &direction->cn;
	uint8_t *id = direction->pair_id;
	size_t len = make_pair(id, mn->key, cn->key, side_is_foreign(mn) ? mn->domain : cn->domain);

	if (ntm_map_get(all->by_pair, id, len) != NULL)
		return 0;
	if (ntm_map_put(all->by_pair, id, len, direction, NULL) != 0)
		return -ENOMEM;
	direction->pair_len = len;
	direction->has_pair = true;
	return 0;
}

int direction_put_alias(struct direction *direction, const uint8_t node[static NTM_KEY_LEN],
			const struct wanted *wanted)
{
	struct directions *all = &direction->dc->directions;
	struct direction_alias *alias = &direction->alias[direction->alias_count];

	if (direction->alias_count == DIRECTION_ALIASES ||
	    direction_of_alias(all, node, wanted) != NULL)
		return 0;
	/* The map keeps the address of the key. */
	alias->len = make_alias(alias->id, node, wanted);
	if (ntm_map_put(all->by_alias, alias->id, alias->len, direction, NULL) != 0)
		return -ENOMEM;
	direction->alias_count++;
	return 0;
}

int direction_put_aliases(struct direction *direction)
{
	bool is_cn = side_is_foreign(&direction->cn);
	const struct side *foreign = is_cn ? &direction->cn : &direction->mn;
	const uint8_t *ours = is_cn ? direction->mn.key : direction->cn.key;
	struct wanted name = {.reason = 0};
	struct wanted vips[] = {{.vip = foreign->vip4}, {.vip = foreign->vip6}};
	int err;

	memcpy(name.fqdn, foreign->fqdn, sizeof(name.fqdn));
	err = direction_put_alias(direction, ours, &name);
	for (size_t i = 0; err == 0 && i < 2; i++)
		if (vips[i].vip.family != 0)
			err = direction_put_alias(direction, ours, &vips[i]);
	return err;
}

void direction_unindex(struct direction *direction)
{
	struct directions *all = &direction->dc->directions;

	if (direction->has_pair)
		ntm_map_del(all->by_pair, direction->pair_id, direction->pair_len);
	direction->has_pair = false;
	for (size_t i = 0; i < direction->alias_count; i++)
		ntm_map_del(all->by_alias, direction->alias[i].id, direction->alias[i].len);
	direction->alias_count = 0;
}
