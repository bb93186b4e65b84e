/* SPDX-License-Identifier: BSD-2-Clause */
/* Pins of other domains in SQLite; addresses and names as text, so that people can read them. */
#include "store_db.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void bind_prefix(struct store_run *run, const struct ntm_prefix *prefix,
			char text[static NTM_PREFIX_STR])
{
	store_bind_text(run, prefix->ip.family != 0 ? ntm_prefix_str(prefix, text) : NULL);
}

static int drop(struct store *store, const char *domain)
{
	struct store_run run = store_run_begin(store, SQL_PIN_REMOVE);
	store_bind_text(&run, domain);
	int err = store_run_all(&run);
	if (err < 0)
		return err;
	return sqlite3_changes(store->db) == 0 ? -ENOENT : 0;
}

static int insert(struct store *store, const struct trust_pin *pin)
{
	char prefix4[NTM_PREFIX_STR], prefix6[NTM_PREFIX_STR];
	struct store_run run = store_run_begin(store, SQL_PIN_INSERT);
	store_bind_text(&run, pin->domain);
	store_bind_text(&run, trust_mode_name(pin->mode));
	store_bind_blob(&run, pin->root, pin->has_root ? sizeof pin->root : 0);
	bind_prefix(&run, &pin->prefix4, prefix4);
	bind_prefix(&run, &pin->prefix6, prefix6);
	store_bind_int(&run, pin->pinned_s);
	store_bind_int(&run, pin->allow_all);
	return store_run_all(&run);
}

static int insert_allow(struct store *store, const struct trust_pin *pin)
{
	int err = 0;
	for (size_t i = 0; i < pin->allow_count && err == 0; i++) {
		struct store_run run = store_run_begin(store, SQL_PIN_ALLOW);
		store_bind_text(&run, pin->domain);
		store_bind_text(&run, pin->allow[i]);
		err = store_run_all(&run);
	}
	return err;
}

static int replace(struct store *store, const struct trust_pin *pin)
{
	int err = drop(store, pin->domain); /* the names that may be called go as well */
	if (err == 0 || err == -ENOENT)
		err = insert(store, pin);
	return err == 0 ? insert_allow(store, pin) : err;
}

void store_pin_put(struct store *store, const struct trust_pin *pin, store_done_fn *done, void *arg)
{
	int err = store_begin(store);
	if (err == 0)
		err = store_end(store, replace(store, pin));
	done(arg, err);
}

void store_pin_remove(struct store *store, const char *domain, store_done_fn *done, void *arg)
{
	int err = store_begin(store);
	if (err == 0)
		err = store_end(store, drop(store, domain));
	done(arg, err);
}

/* NULL is no prefix. */
static bool read_prefix(struct store_run *run, struct ntm_prefix *prefix)
{
	char text[NTM_PREFIX_STR];
	store_column_text(run, text, sizeof text);
	*prefix = (struct ntm_prefix){0};
	return text[0] == '\0' || ntm_prefix_parse(prefix, text) == 0;
}

static bool read_pin(struct store_run *run, struct trust_pin *pin)
{
	char mode[16];
	memset(pin, 0, sizeof *pin);
	store_column_text(run, pin->domain, sizeof pin->domain);
	store_column_text(run, mode, sizeof mode);
	pin->has_root = store_column_blob(run, pin->root, sizeof pin->root);
	bool ok = read_prefix(run, &pin->prefix4) && read_prefix(run, &pin->prefix6);
	pin->pinned_s = store_column_int(run);
	pin->allow_all = store_column_int(run) != 0;
	return ok && trust_mode_parse(&pin->mode, mode) == 0;
}

/* The row that is there now, behind domain. 1 or negative errno. */
static int take_pin(struct store_run *run, const char *domain, struct trust_pin *pin)
{
	struct store *store = run->store;
	/* A name that does not fit is cut, and would come again for ever. */
	bool ok = read_pin(run, pin) && strcmp(pin->domain, domain) > 0;
	if (sqlite3_errcode(store->db) == SQLITE_NOMEM)
		return store_fail_sqlite(store);
	return ok ? 1
		  : store_fail(store, -EUCLEAN,
			       "the pin of %s is damaged: `ntm-dc trust remove %s`, and add it "
			       "again",
			       pin->domain, pin->domain);
}

/* The pin behind domain in the alphabet. 1, 0: none; or negative errno. */
static int pin_after(struct store *store, const char *domain, struct trust_pin *pin)
{
	struct store_run run = store_run_begin(store, SQL_PIN_AFTER);
	store_bind_text(&run, domain);
	int err = store_step(&run);
	if (err == 1)
		err = take_pin(&run, domain, pin);
	store_run_end(&run);
	return err;
}

static int read_allow(struct store *store, struct trust_pin *pin)
{
	struct store_run run = store_run_begin(store, SQL_PIN_ALLOWED);
	store_bind_text(&run, pin->domain);
	int err;
	while ((err = store_step(&run)) == 1 && pin->allow_count < TRUST_ALLOW_MAX)
		store_column_text(&run, pin->allow[pin->allow_count++], sizeof pin->allow[0]);
	store_run_end(&run);
	return err < 0 ? err : 0;
}

/* One lookup a pin instead of one cursor over all: done may do anything to the store. */
void store_pin_list(struct store *store, store_pin_fn *done, void *arg)
{
	struct trust_pin pin = {.domain = ""};
	int err;
	do {
		char after[sizeof pin.domain];
		memcpy(after, pin.domain, sizeof after);
		err = pin_after(store, after, &pin);
		if (err == 1 && (err = read_allow(store, &pin)) == 0) {
			done(arg, 0, &pin);
			err = 1;
		}
	} while (err == 1);
	done(arg, err, NULL);
}
