/* SPDX-License-Identifier: BSD-2-Clause */
/* A domain on this host: configuration, keys and store, opened together and told as tokens. */
#pragma once

#include "dc_conf.h"
#include "store.h"

#include "ntm/token.h"

struct domain {
	const struct dc_conf *conf; /* borrowed */
	struct dc_settings settings;
	struct ntm_root root;
	struct ntm_keys keys;
	struct store *store;
};

#define DOMAIN_WORDS 500

/* Makes the root key, the DC's key and the database. -EEXIST: they are there already. */
int domain_make(const struct dc_conf *conf, char words[static DOMAIN_WORDS]);
/* Reads the keys, opens the store, and checks the pins in it. 0 or negative errno, and words.
 * domain_close is due on success. */
int domain_open(struct domain *domain, const struct dc_conf *conf, char words[static DOMAIN_WORDS]);
/* The same whatever the pins are, for who puts them right. */
int domain_open_unchecked(struct domain *domain, const struct dc_conf *conf,
			  char words[static DOMAIN_WORDS]);
void domain_close(struct domain *domain);

/* Adds the node or relay if it is new and makes a token for it; text is the line to paste. node has
 * role and gateway, and gets the rest. -EINVAL (name), -EEXIST (of another role, or no gateway),
 * -EADDRNOTAVAIL, errors of the store. */
int domain_add_node(struct domain *domain, const char *name, int64_t lifetime_s,
		    struct store_node *node, char text[static NTM_TOKEN_STR],
		    char words[static DOMAIN_WORDS]);
