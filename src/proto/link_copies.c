/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of one handshake message: each goes to one address under an index of its own. */
#include "link_priv.h"

static bool is_for(const struct link_copy *copy, const struct ntm_addr *to, uint32_t remote_index)
{
	return copy->remote_index == remote_index && ntm_addr_eq(&copy->to, to);
}

struct link_copy *link_copy_to(struct ntm_links *links, struct ntm_link *link,
			       struct link_copies *copies, const struct ntm_addr *to,
			       uint32_t remote_index)
{
	struct link_copy *copy;

	for (size_t i = 0; i < copies->count; i++)
		if (is_for(&copies->item[i], to, remote_index))
			return &copies->item[i];
	if (copies->count == LINK_COPIES) {
		copy = &copies->item[LINK_COPIES - 1];
		links_index_del(links, &copy->index);
		copies->count--;
	}
	copy = &copies->item[copies->count];
	if (links_index_new(links, &copy->index, link) != 0)
		return NULL;
	copy->to = *to;
	copy->remote_index = remote_index;
	copies->count++;
	return copy;
}

struct link_copy *link_copy_find(struct link_copies *copies, uint32_t index)
{
	for (size_t i = 0; i < copies->count; i++)
		if (copies->item[i].index.value == index)
			return &copies->item[i];
	return NULL;
}

void link_copies_drop(struct ntm_links *links, struct link_copies *copies)
{
	for (size_t i = 0; i < copies->count; i++)
		links_index_del(links, &copies->item[i].index);
	copies->count = 0;
}
