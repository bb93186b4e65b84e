/* SPDX-License-Identifier: BSD-2-Clause */
/* A domain on this host: made once, opened by the daemon and by the verbs. */
#include "domain.h"

#include "say.h"

#include "ntm/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROOT_FILE "root.key"
#define DC_FILE   "dc.key"
#define DB_FILE   "dc.db"

static int write_key(const struct dc_conf *conf, const char *name, const uint8_t key[static 32],
		     char words[static DOMAIN_WORDS])
{
	char path[DC_PATH_STR], text[NTM_KEY_STR + 1];

	ntm_key_str(key, text);
	strcat(text, "\n");
	int err = ntm_secret_write(dc_conf_file(conf, name, path), text, strlen(text));
	ntm_wipe(text, sizeof(text));
	return err == 0 ? 0
			: say(words, DOMAIN_WORDS, err, "%s: cannot write: %s", path,
			      strerror(-err));
}

static int read_key(const struct dc_conf *conf, const char *name, uint8_t key[static 32],
		    char words[static DOMAIN_WORDS])
{
	char path[DC_PATH_STR], text[128];
	size_t len;
	int err = ntm_secret_read(dc_conf_file(conf, name, path), text, sizeof(text) - 1, &len);

	if (err == -ENOENT)
		return say(words, DOMAIN_WORDS, err, "%s: not there: `ntm-dc init` makes it", path);
	if (err == -EPERM)
		return say(words, DOMAIN_WORDS, err,
			   "%s: others may read it: chmod 600, and think of a new domain", path);
	if (err != 0)
		return say(words, DOMAIN_WORDS, err, "%s: %s", path, strerror(-err));
	text[len] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	err = ntm_key_parse(key, text);
	ntm_wipe(text, sizeof(text));
	return err == 0 ? 0 : say(words, DOMAIN_WORDS, err, "%s: damaged", path);
}

/*
 * Prefixes that nobody has chosen. Domains that are to trust each other need different ones, and a
 * prefix never changes: so they are drawn, by a hash of the root key, which needs no place to be
 * kept. IPv6: RFC 4193. IPv4: one of the 32 blocks of 4096 addresses in 198.18.0.0/15 (RFC 2544),
 * which no LAN and no carrier uses.
 */
static void draw_prefixes(const uint8_t root_pub[static NTM_SIGN_PUB_LEN],
			  struct ntm_prefix *prefix4, struct ntm_prefix *prefix6)
{
	uint8_t hash[32], bytes[16] = {0xfd};
	unsigned block;

	ntm_blake2b(hash, sizeof(hash), root_pub, NTM_SIGN_PUB_LEN, (const uint8_t *)"NTM-ula", 7);
	memcpy(bytes + 1, hash, 5);
	if (prefix6->ip.family == 0)
		*prefix6 = (struct ntm_prefix){.ip = ntm_ip_from_bytes(6, bytes), .len = 48};
	block = hash[5] % 32;
	if (prefix4->ip.family == 0)
		*prefix4 = (struct ntm_prefix){.ip = ntm_ip_v4(198, (uint8_t)(18 + block / 16),
							       (uint8_t)(block % 16 * 16), 0),
					       .len = 20};
}

static void fill_settings(struct domain *domain)
{
	const struct dc_conf *conf = domain->conf;
	struct dc_settings *settings = &domain->settings;

	*settings = dc_settings_default;
	ntm_name_canon(settings->domain, conf->domain);
	settings->prefix4 = conf->prefix4;
	settings->prefix6 = conf->prefix6;
	draw_prefixes(domain->root.pub, &settings->prefix4, &settings->prefix6);
	settings->resolver4 = ntm_prefix_last_usable(&settings->prefix4);
	settings->resolver6 = ntm_prefix_last_usable(&settings->prefix6);
	settings->cert_lifetime_s = conf->cert_lifetime_ms / 1000;
	settings->keepalive_s = conf->keepalive_ms / 1000;
	settings->lifetime_s = conf->lifetime_ms / 1000;
	settings->relay_account_flows = (uint32_t)conf->relay_account_flows;
	settings->relay_account_kbit = (uint32_t)conf->relay_account_kbit;
	settings->relay_flow_kbit = (uint32_t)conf->relay_flow_kbit;
	settings->link_times.rekey_ms = conf->rekey_ms;
	settings->link_times.reject_ms = conf->rekey_ms * 3 / 2;
}

static int open_store(struct domain *domain, char words[static DOMAIN_WORDS])
{
	char path[DC_PATH_STR], why[STORE_WORDS];
	const struct dc_settings *settings = &domain->settings;
	const struct ntm_ip reserved[] = {settings->resolver4, settings->resolver6};
	struct store_config config = {
		.path = dc_conf_file(domain->conf, DB_FILE, path),
		.domain = settings->domain,
		.prefix4 = settings->prefix4,
		.prefix6 = settings->prefix6,
		.reserved = reserved,
		.reserved_count = 2,
	};
	int err = store_open(&domain->store, &config, why);

	return err == 0 ? 0 : say(words, DOMAIN_WORDS, err, "%s", why);
}

/* A new database would hand the addresses of all nodes out once more. */
static int check_db(const struct dc_conf *conf, char words[static DOMAIN_WORDS])
{
	char path[DC_PATH_STR];

	if (access(dc_conf_file(conf, DB_FILE, path), F_OK) == 0 || errno != ENOENT)
		return 0;
	return say(words, DOMAIN_WORDS, -ENOENT,
		   "%s: not there: put a backup back, or make a new domain", path);
}

int domain_open_unchecked(struct domain *domain, const struct dc_conf *conf,
			  char words[static DOMAIN_WORDS])
{
	*domain = (struct domain){.conf = conf};
	int err = read_key(conf, ROOT_FILE, domain->root.sec, words);
	if (err == 0)
		err = read_key(conf, DC_FILE, domain->keys.sec, words);
	if (err == 0)
		err = check_db(conf, words);
	if (err == 0) {
		ntm_root_from_secret(&domain->root, domain->root.sec);
		ntm_keys_from_secret(&domain->keys);
		fill_settings(domain);
		err = open_store(domain, words);
	}
	if (err != 0)
		ntm_wipe(domain, sizeof(*domain));
	return err;
}

static int check_pins(struct domain *domain, char words[static DOMAIN_WORDS])
{
	const struct trust_own own = dc_own(&domain->settings);
	struct trust trust;
	char why[TRUST_WORDS];
	int err = trust_load(&trust, domain->store, &own, why);

	if (err != 0)
		return say(words, DOMAIN_WORDS, err, "the pins of other domains: %s", why);
	trust_fini(&trust);
	return 0;
}

int domain_open(struct domain *domain, const struct dc_conf *conf, char words[static DOMAIN_WORDS])
{
	int err = domain_open_unchecked(domain, conf, words);

	if (err == 0) {
		err = check_pins(domain, words);
		if (err != 0)
			domain_close(domain);
	}
	return err;
}

void domain_close(struct domain *domain)
{
	store_close(domain->store);
	ntm_wipe(domain, sizeof(*domain));
}

/* What stands in the way of a new domain. Nothing is ever replaced: whoever lost one file of a
 * domain needs the others. */
static int check_empty(const struct dc_conf *conf, char words[static DOMAIN_WORDS])
{
	char root[DC_PATH_STR], db[DC_PATH_STR];

	if (access(dc_conf_file(conf, ROOT_FILE, root), F_OK) == 0)
		return say(words, DOMAIN_WORDS, -EEXIST,
			   "%s: there already: this host has a domain; its key is never replaced",
			   root);
	if (access(dc_conf_file(conf, DB_FILE, db), F_OK) == 0)
		return say(words, DOMAIN_WORDS, -EEXIST,
			   "%s: there already, but %s is not: put its copy back, or, if no node "
			   "was ever added, remove the database",
			   db, ROOT_FILE);
	return 0;
}

/* The root key comes last: with it the domain is complete. */
static int make_files(struct domain *domain, char words[static DOMAIN_WORDS])
{
	const struct dc_conf *conf = domain->conf;
	int err;

	ntm_root_make(&domain->root);
	ntm_keys_make(&domain->keys);
	fill_settings(domain);
	err = open_store(domain, words);
	if (err == 0)
		err = write_key(conf, DC_FILE, domain->keys.sec, words);
	if (err == 0) /* its seed; the rest follows from it */
		err = write_key(conf, ROOT_FILE, domain->root.sec, words);
	domain_close(domain);
	return err;
}

int domain_make(const struct dc_conf *conf, char words[static DOMAIN_WORDS])
{
	char path[DC_PATH_STR];
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	struct domain domain = {.conf = conf};
	int err = check_empty(conf, words);

	if (err != 0)
		return err;
	if (geteuid() == 0 && conf->user[0] != '\0' && ntm_user_find(conf->user, &uid, &gid) != 0)
		return say(words, DOMAIN_WORDS, -ENOENT,
			   "there is no user %s: `useradd --system %s`, or set user in the "
			   "configuration",
			   conf->user, conf->user);
	err = ntm_dir_make(conf->state_dir, 0700, uid, gid);
	if (err != 0)
		return say(words, DOMAIN_WORDS, err, "%s: %s", conf->state_dir, strerror(-err));
	err = make_files(&domain, words);
	if (err != 0)
		return err;
	if (uid != (uid_t)-1 && chown(dc_conf_file(conf, DB_FILE, path), uid, gid) != 0)
		return say(words, DOMAIN_WORDS, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

/* ---- nodes and relays ---- */

struct added {
	int err;
	struct store_node node;
};

static void on_node(void *arg, int err, const struct store_node *node)
{
	struct added *added = arg;

	added->err = err;
	if (node != NULL)
		added->node = *node;
}

static void on_done(void *arg, int err)
{
	*(int *)arg = err;
}

static int make_token(struct domain *domain, const struct store_node *node, int64_t expires_s,
		      char text[static NTM_TOKEN_STR])
{
	struct ntm_token token = {.kind = node->role == STORE_RELAY ? NTM_TOKEN_RELAY
								    : NTM_TOKEN_NODE,
				  .expires_s = expires_s};
	struct store_token stored = {.node_id = node->id, .expires_s = expires_s};
	int err = -EIO;

	for (size_t i = 0; i < domain->conf->addresses.count; i++)
		token.dc[i] = domain->conf->addresses.item[i];
	memcpy(token.dc_key, domain->keys.pub, sizeof(token.dc_key));
	memcpy(token.root, domain->root.pub, sizeof(token.root));
	ntm_random(token.secret, sizeof(token.secret));
	snprintf(token.fqdn, sizeof(token.fqdn), "%s", node->fqdn);
	snprintf(token.domain, sizeof(token.domain), "%s", domain->settings.domain);
	ntm_token_hash(&token, stored.hash);
	store_token_put(domain->store, &stored, on_done, &err);
	if (err == 0)
		err = ntm_token_print(&token, text);
	ntm_wipe(&token, sizeof(token));
	return err;
}

/* Whoever is there already stays what it is. */
static int check_same(const struct store_node *wanted, const struct store_node *there,
		      char words[static DOMAIN_WORDS])
{
	if (there->role != wanted->role)
		return say(words, DOMAIN_WORDS, -EEXIST,
			   "%s is a %s: ntm-dc %s add, or another name", there->fqdn,
			   there->role == STORE_RELAY ? "relay" : "node",
			   there->role == STORE_RELAY ? "relay" : "node");
	if (wanted->gateway && !there->gateway)
		return say(words, DOMAIN_WORDS, -EEXIST,
			   "%s is a relay, but no gateway: revoke it first, or take another name",
			   there->fqdn);
	return 0;
}

int domain_add_node(struct domain *domain, const char *name, int64_t lifetime_s,
		    struct store_node *node, char text[static NTM_TOKEN_STR],
		    char words[static DOMAIN_WORDS])
{
	int64_t now_s = time(NULL);
	struct added added = {.err = -EIO};

	if (dc_conf_name(domain->conf, name, node->fqdn) != 0)
		return say(words, DOMAIN_WORDS, -EINVAL,
			   "%s: no name for a node: letters, digits and '-'", name);
	store_node_add(domain->store, node, now_s, on_node, &added);
	if (added.err == -EINVAL)
		return say(words, DOMAIN_WORDS, -EINVAL, "%s: %s", node->fqdn,
			   zone_name_check(domain->settings.domain, node->fqdn));
	if (added.err == -EADDRNOTAVAIL)
		return say(words, DOMAIN_WORDS, added.err,
			   "no virtual address is left in the domain's prefix");
	if (added.err != 0 && added.err != -EEXIST)
		return say(words, DOMAIN_WORDS, added.err, "%s", store_words(domain->store));
	if (check_same(node, &added.node, words) != 0)
		return -EEXIST;
	int err = make_token(domain, &added.node, now_s + lifetime_s, text);
	if (err != 0)
		return say(words, DOMAIN_WORDS, err, "%s", store_words(domain->store));
	*node = added.node;
	return 0;
}
