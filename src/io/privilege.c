/* SPDX-License-Identifier: BSD-2-Clause */
/* Becoming an unprivileged user without capabilities for good, and proof that it worked. */
#include "ntm/daemon.h"

#include "sanitizer.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOOKUP_MAX 4096
#define CAP_COUNT  64

struct caps {
	uint64_t effective, permitted, inheritable;
};

int ntm_user_find(const char *name, uid_t *uid, gid_t *gid)
{
	char buf[LOOKUP_MAX];
	struct passwd entry, *found = NULL;

	if (getpwnam_r(name, &entry, buf, sizeof(buf), &found) != 0 || found == NULL)
		return -ENOENT;
	*uid = entry.pw_uid;
	*gid = entry.pw_gid;
	return 0;
}

/* Version 3 of the kernel's interface: two halves of 32 bits. */
static int caps_get(struct caps *caps)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) != 0)
		return -errno;
	caps->effective = data[0].effective | (uint64_t)data[1].effective << 32;
	caps->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	caps->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	return 0;
}

static int caps_clear(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};

	/* Those that a service manager has made ambient go with them. */
	return syscall(SYS_capset, &header, none) == 0 ? 0 : -errno;
}

/* What no program started by us can ever get back. Without CAP_SETPCAP nothing is lost: with
 * no_new_privs set, files with capabilities give none. */
static void drop_bounding(void)
{
	for (unsigned cap = 0; cap < CAP_COUNT; cap++) {
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	}
}

static int become(uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0)
		return -errno;
	if (setresuid(uid, uid, uid) != 0)
		return -errno;
	/* The change of user has made the process undumpable. */
	if (NTM_ASAN)
		(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	return 0;
}

/* Believes nothing that was returned so far. */
static const char *find_leftover(uid_t uid, gid_t gid)
{
	uid_t real, effective, saved;
	gid_t rgid, egid, sgid;
	struct caps now = {0};

	if (getresuid(&real, &effective, &saved) != 0 || real != uid || effective != uid ||
	    saved != uid)
		return "the user did not change";
	if (getresgid(&rgid, &egid, &sgid) != 0 || rgid != gid || egid != gid || sgid != gid)
		return "the group did not change";
	if (caps_get(&now) != 0 || (now.permitted | now.effective | now.inheritable) != 0)
		return "there are capabilities left";
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return "no_new_privs is not set";
	if (uid != 0 && (setuid(0) == 0 || seteuid(0) == 0))
		return "root can be had back";
	return NULL;
}

static int fail(char *text, size_t text_len, int err, const char *what, const char *why)
{
	snprintf(text, text_len, "cannot %s: %s", what, why);
	return err;
}

int ntm_priv_drop(const char *user, char *err, size_t err_len)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int result = 0;

	if (user != NULL && user[0] != '\0' && ntm_user_find(user, &uid, &gid) != 0)
		return fail(err, err_len, -ENOENT, "change the user", "there is no such user");
	drop_bounding();
	if (uid != geteuid() || gid != getegid())
		result = become(uid, gid);
	if (result != 0)
		return fail(err, err_len, result, "change the user", strerror(-result));
	result = caps_clear();
	if (result != 0)
		return fail(err, err_len, result, "give up capabilities", strerror(-result));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail(err, err_len, -errno, "set no_new_privs", strerror(errno));
	const char *leftover = find_leftover(uid, gid);
	if (leftover != NULL)
		return fail(err, err_len, -EPERM, "give up privileges", leftover);
	return 0;
}
