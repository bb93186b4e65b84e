/* SPDX-License-Identifier: BSD-2-Clause */
/* What a DC must never forget: its nodes and their VIPs, join tokens, certificates, revocations. */
#pragma once

#include "trust.h"

#include "ntm/addr.h"
#include "ntm/cert.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Durable facts only; where a node is right now is the registry's (design.md 10a). Answers come by
 * callback, once a call, and what a call changed is on the disk before it answers. SQLite answers
 * before the call returns; another store may answer later, but never after store_close(). What a
 * callback is given is valid until it returns. A callback may call the store again.
 *
 * Errors, besides those named below: -EBUSY (another process writes; nothing was changed, try
 * again), -ENOSPC (disk full), -EROFS, -EACCES, -EIO, -EUCLEAN (the file is damaged), -ENOMEM.
 * store_words() says the rest. All times are UNIX time.
 */
struct store;

struct store_config {
	const char *path;                   /* made with mode 0600; ":memory:" keeps nothing */
	const char *domain;                 /* canonical (ntm_name_canon) */
	struct ntm_prefix prefix4, prefix6; /* family 0: none; one at least */
	const struct ntm_ip *reserved;      /* never leased, such as the resolver's address */
	size_t reserved_count;              /* at most STORE_RESERVED_MAX */
};

#define STORE_RESERVED_MAX 16
/* Longest value of a setting, with its NUL. */
#define STORE_SETTING_MAX 1024
#define STORE_WORDS       320

/*
 * Opens the store, made if it is not there. words tells a failure for people and begins with the
 * file's name. Besides the errors above: -ENOTSUP (written by a newer program), -EINVAL (no store
 * of ours, or of another domain or prefix, or a bad config), -ENOENT (no such directory).
 */
int store_open(struct store **store, const struct store_config *config,
	       char words[static STORE_WORDS]);
/* NULL is fine. */
void store_close(struct store *store);
/* The last failure of the store in words, file name first; "" when there was none. */
const char *store_words(const struct store *store);

/* What a row of the table of nodes is; it never changes. */
enum store_role { STORE_NODE = 0, STORE_RELAY = 1 };

struct store_node {
	int64_t id;
	char fqdn[NTM_NAME_MAX + 1];
	uint8_t role;       /* enum store_role */
	bool gateway;       /* a relay that is an exit to general servers (R140) */
	bool may_exit;      /* a node that may send through gateways */
	int64_t exit_off_s; /* it may not any more since then; 0: it may, or never might */
	struct ntm_ip vip4,
		vip6; /* family 0 when the domain has no such prefix, or it leases none */
	bool joined;
	uint8_t key[NTM_KEY_LEN]; /* X25519; zeros until joined */
	uint64_t serial;          /* newest certificate; 0: none */
	int64_t created_s;
	int64_t joined_s;        /* 0: never */
	int64_t revoked_s;       /* 0: not revoked */
	struct ntm_addr seen_at; /* store_seen_put; family 0: nowhere yet */
};

struct store_cert {
	uint64_t serial;
	int64_t node_id; /* 0: the DC's own */
	uint8_t key[NTM_KEY_LEN];
	int64_t not_before_s, not_after_s;
};

typedef void store_done_fn(void *arg, int err);
/* node is NULL on errors, unless they say otherwise. */
typedef void store_node_fn(void *arg, int err, const struct store_node *node);
typedef void store_cert_fn(void *arg, int err, const struct store_cert *cert);
typedef void store_join_fn(void *arg, int err, const struct store_node *node,
			   const struct store_cert *cert);
typedef void store_value_fn(void *arg, int err, const char *value);

/* Whether a row of this kind has VIPs. A relay only forwards; a gateway ends tunnels. */
static inline bool store_leases(const struct store_node *node)
{
	return node->role == STORE_NODE || node->gateway;
}

/*
 * A new node or relay (of wanted: fqdn, role and gateway) and its VIPs: the lowest index of the
 * prefixes, from 1, that was never leased and is not reserved; the last usable address (the usual
 * resolver) is not leased either. The same index in both families. A VIP stays with its node for
 * good, also after node and name were revoked. -EEXIST: node is the one of that name, whatever its
 * role is; -EINVAL: not a name that a node may have (zone_name_check); -EADDRNOTAVAIL: no address
 * left.
 */
void store_node_add(struct store *store, const struct store_node *wanted, int64_t now_s,
		    store_node_fn *done, void *arg);
/* Whether a node may send through gateways. -ENOENT: there is no such node. */
void store_node_set_exit(struct store *store, const char *fqdn, bool may_exit, int64_t now_s,
			 store_done_fn *done, void *arg);
/* Nodes that may not any more since a time behind since_s: done once a node with err 0, then with
 * NULL. */
void store_exit_off_list(struct store *store, int64_t since_s, store_node_fn *done, void *arg);

/* These find nodes and relays that are not revoked. -ENOENT. */
void store_node_by_name(struct store *store, const char *fqdn, store_node_fn *done, void *arg);
void store_node_by_key(struct store *store, const uint8_t key[static NTM_KEY_LEN],
		       store_node_fn *done, void *arg);
void store_node_by_vip(struct store *store, const struct ntm_ip *vip, store_node_fn *done,
		       void *arg);
/* Some node whose name ends in "." suffix. -ENOENT. */
void store_node_below(struct store *store, const char *suffix, store_node_fn *done, void *arg);

/* Everyone of a role, oldest first, revoked ones too: done once a node with err 0, then with NULL.
 */
void store_node_list(struct store *store, enum store_role role, store_node_fn *done, void *arg);

/* Where nodes were seen last, in one commit; of nodes that are none nothing is kept. A hint only:
 * an address may be somebody else's by now. */
struct store_seen {
	int64_t node_id;
	struct ntm_addr at;
};
void store_seen_put(struct store *store, const struct store_seen *seen, size_t count,
		    store_done_fn *done, void *arg);
/* The node with the next higher id that has joined, is not revoked and was seen. -ENOENT: none. */
void store_seen_after(struct store *store, int64_t node_id, store_node_fn *done, void *arg);

/*
 * Ends a node: its certificates are listed as revoked, its tokens are gone, its name is free again
 * (for a node with other VIPs), its key never joins again. -ENOENT: no such node.
 */
void store_node_revoke(struct store *store, const char *fqdn, int64_t now_s, store_node_fn *done,
		       void *arg);

/* A join token for a node; takes the place of the node's former ones. A node that joined before
 * may join again with it, with a new key and the same VIPs. -ENOENT: no such node. */
struct store_token {
	int64_t node_id;
	uint8_t hash[32]; /* ntm_token_hash */
	int64_t expires_s;
};
void store_token_put(struct store *store, const struct store_token *token, store_done_fn *done,
		     void *arg);

/*
 * One commit: the token is used, the key is the node's, the certificate has its serial. A former
 * key of the node is revoked. The same token and key again gives the same certificate (a lost
 * answer burns no token). -ENOENT: no such token; -ETIME: expired; -EEXIST: used with another key;
 * -EKEYREJECTED: the key is another node's, or revoked.
 */
struct store_join {
	uint8_t hash[32];
	uint8_t key[NTM_KEY_LEN];
	int64_t now_s;
	int64_t lifetime_s; /* of the certificate */
};
void store_token_use(struct store *store, const struct store_join *join, store_join_fn *done,
		     void *arg);

/*
 * The next serial, for a certificate as wanted (its serial is not looked at). For a node, key has
 * to be the node's. -ENOENT: no such node, or revoked; -EKEYREJECTED: not its key.
 */
void store_cert_issue(struct store *store, const struct store_cert *wanted, store_cert_fn *done,
		      void *arg);

/* The certificate of a node that was issued last, run out or not. -ENOENT: none. */
void store_cert_newest(struct store *store, int64_t node_id, store_cert_fn *done, void *arg);

/* Certificates that are revoked and would be valid otherwise (with NTM_CERT_SKEW_S), lowest serial
 * first: done once a certificate with err 0, then with NULL. */
struct store_revocation {
	uint64_t serial;
	uint8_t key[NTM_KEY_LEN];
	int64_t not_after_s;
	struct ntm_ip vip4, vip6; /* of its node; none: of a relay */
};
typedef void store_revocation_fn(void *arg, int err, const struct store_revocation *revocation);
void store_revocation_list(struct store *store, int64_t now_s, store_revocation_fn *done,
			   void *arg);

/* Pins of other domains. put inserts, or replaces the one of the same domain; whether it is sane is
 * the caller's business (trust.h). -ENOENT: no such pin. */
void store_pin_put(struct store *store, const struct trust_pin *pin, store_done_fn *done,
		   void *arg);
void store_pin_remove(struct store *store, const char *domain, store_done_fn *done, void *arg);
/* Every pin, by domain: done once a pin with err 0, then with NULL. */
typedef void store_pin_fn(void *arg, int err, const struct trust_pin *pin);
void store_pin_list(struct store *store, store_pin_fn *done, void *arg);

/* Drops tokens, certificates and revocations that have run out. Once a day is plenty. */
void store_purge(struct store *store, int64_t now_s, store_done_fn *done, void *arg);

/* Small texts that belong to the domain. -ENOENT; -EINVAL: value longer than STORE_SETTING_MAX. */
void store_setting_put(struct store *store, const char *name, const char *value,
		       store_done_fn *done, void *arg);
void store_setting_get(struct store *store, const char *name, store_value_fn *done, void *arg);
