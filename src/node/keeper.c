/* SPDX-License-Identifier: BSD-2-Clause */
/* The privileged half of the daemon: one poll loop around the engine's socket and the signals. */
#include "keeper.h"

#include "cli.h"
#include "host_dns.h"
#include "host_net.h"
#include "node_daemon.h"

#include "ntm/daemon.h"
#include "ntm/log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How often a rewritten resolv.conf is looked for. */
#define REFRESH_MS 2000
/* How long the engine may take to say goodbye. */
#define STOP_MS 5000

struct keeper {
	const struct node_conf *conf;
	struct host_net net;
	struct host_dns_args dns_args;
	struct host_dns dns;
	struct host_plan plan;
	struct exit_routes exits; /* generation 0: none yet */
	bool has_plan;            /* host_net_up was called with plan */
	bool set_up;              /* and it worked */
	bool failed;              /* we end the engine */
	pid_t engine;
	int engine_status; /* of waitpid */
	int fd, signal_fd;
	int64_t kill_ms; /* 0: not stopping */
	sigset_t former_mask;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void stop_engine(struct keeper *keeper)
{
	if (keeper->kill_ms != 0)
		return;
	keeper->kill_ms = now_ms() + STOP_MS;
	(void)kill(keeper->engine, SIGTERM);
	(void)ntm_notify("STOPPING=1");
}

/* ---- requests of the engine ---- */

static void tell(struct keeper *keeper, const char *dns_words)
{
	struct keeper_msg msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = KEEPER_INFO;
	msg.info.dns_mode = keeper->dns.is_up ? keeper->dns.mode : HOST_DNS_OFF;
	msg.info.guard = keeper->net.guard;
	msg.info.upstream = keeper->dns.upstream;
	snprintf(msg.info.dns_words, sizeof(msg.info.dns_words), "%s", dns_words);
	if (send(keeper->fd, &msg, sizeof(msg), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		ntm_warn("the engine does not listen: %s", strerror(errno));
}

static void give_up(struct keeper *keeper, const char *words)
{
	ntm_err("%s", words);
	keeper->failed = true;
	stop_engine(keeper);
}

static void on_plan(struct keeper *keeper, const struct host_plan *plan)
{
	char words[400] = "";

	if (!host_plan_ok(plan)) {
		give_up(keeper, "the lease has addresses or names that make no sense: join again "
				"with a new token");
		return;
	}
	int err = host_net_up(&keeper->net, plan, keeper->has_plan ? &keeper->plan : NULL, words,
			      sizeof(words));
	keeper->plan = *plan;
	keeper->has_plan = true;
	if (err != 0) {
		give_up(keeper, words);
		return;
	}
	/* Only now: the TUN is ours, so no other instance is using that file. */
	if (!keeper->set_up)
		host_dns_recover(&keeper->dns_args);
	keeper->set_up = true;
	if (host_dns_up(&keeper->dns, &keeper->dns_args, plan, words, sizeof(words)) != 0)
		ntm_warn("NTM names will not be found: %s", words);
	tell(keeper, words);
}

static void on_exits(struct keeper *keeper, const struct keeper_exits *wanted)
{
	const struct exit_routes *routes = &wanted->routes;
	const struct exit_routes *before = keeper->exits.generation > 0 ? &keeper->exits : NULL;
	struct keeper_msg msg;
	char words[KEEPER_WORDS] = "";

	memset(&msg, 0, sizeof(msg));
	msg.type = KEEPER_ROUTED;
	msg.routed.generation = routes->generation;
	if (!keeper->set_up || !host_plan_exits_ok(&keeper->plan, routes)) {
		snprintf(words, sizeof(words), "destinations of exits that make no sense");
	} else {
		keeper->net.udp_port = wanted->udp_port;
		(void)host_net_exits(&keeper->net, &keeper->plan, routes, before, words,
				     sizeof(words));
		keeper->exits = *routes;
	}
	snprintf(msg.routed.words, sizeof(msg.routed.words), "%s", words);
	if (send(keeper->fd, &msg, sizeof(msg), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		ntm_warn("the engine does not listen: %s", strerror(errno));
}

static void on_ready(const struct keeper *keeper)
{
	char vip[NTM_IP_STR];
	const struct host_plan *plan = &keeper->plan;

	if (!keeper->set_up)
		return;
	ntm_ip_str(plan->vip4.family != 0 ? &plan->vip4 : &plan->vip6, vip);
	ntm_info("ready: vip=%s tun=%s dns=%s guard=%s", vip, keeper->net.tun,
		 host_dns_mode_name(keeper->dns.is_up ? keeper->dns.mode : HOST_DNS_OFF),
		 keeper->net.guard ? "on" : "off");
	(void)ntm_notify("READY=1");
	(void)ntm_notify_status("%s on %s", vip, keeper->net.tun);
}

/* False when the engine has gone. */
static bool on_message(struct keeper *keeper)
{
	struct keeper_msg msg;
	ssize_t len = recv(keeper->fd, &msg, sizeof(msg), MSG_DONTWAIT);

	if (len < 0)
		return errno == EAGAIN || errno == EINTR;
	if (len == 0)
		return false;
	if (len != sizeof(msg))
		return true;
	if (msg.type == KEEPER_PLAN && !keeper->failed)
		on_plan(keeper, &msg.plan);
	else if (msg.type == KEEPER_READY)
		on_ready(keeper);
	else if (msg.type == KEEPER_EXITS && !keeper->failed)
		on_exits(keeper, &msg.exits);
	return true;
}

/* ---- the loop ---- */

static void on_signal(struct keeper *keeper)
{
	struct signalfd_siginfo info;

	if (read(keeper->signal_fd, &info, sizeof(info)) != sizeof(info) ||
	    info.ssi_signo == SIGCHLD)
		return;
	stop_engine(keeper);
}

static bool engine_ended(struct keeper *keeper)
{
	return waitpid(keeper->engine, &keeper->engine_status, WNOHANG) == keeper->engine;
}

static void watch_engine(struct keeper *keeper)
{
	struct pollfd fds[] = {{.fd = keeper->signal_fd, .events = POLLIN},
			       {.fd = keeper->fd, .events = POLLIN}};
	int64_t refresh_ms = now_ms() + REFRESH_MS;

	while (!engine_ended(keeper)) {
		int wait_ms = keeper->kill_ms != 0 ? 100 : REFRESH_MS;

		if (poll(fds, 2, wait_ms) < 0 && errno != EINTR)
			break;
		if (fds[0].revents != 0)
			on_signal(keeper);
		if (fds[1].revents != 0 && !on_message(keeper)) {
			fds[1].fd = -1; /* its end follows by itself, within the same limit */
			if (keeper->kill_ms == 0)
				keeper->kill_ms = now_ms() + STOP_MS;
		}
		if (keeper->kill_ms != 0 && now_ms() >= keeper->kill_ms)
			(void)kill(keeper->engine, SIGKILL);
		if (now_ms() < refresh_ms)
			continue;
		refresh_ms = now_ms() + REFRESH_MS;
		if (keeper->set_up && host_dns_refresh(&keeper->dns, &keeper->plan))
			tell(keeper, "");
	}
}

static void exits_down(const struct keeper *keeper)
{
	const struct exit_routes none = {.count = 0};
	char words[KEEPER_WORDS];

	if (keeper->exits.generation > 0)
		(void)host_net_exits(&keeper->net, &keeper->plan, &none, &keeper->exits, words,
				     sizeof(words));
}

/* Puts back what may be put back; returns the exit code. */
static int clean_up(struct keeper *keeper)
{
	int status = keeper->engine_status;
	bool is_clean = WIFEXITED(status) && WEXITSTATUS(status) == NTM_EXIT_OK;

	host_dns_down(&keeper->dns);
	exits_down(keeper);
	/* A set-up that never worked protects nothing. */
	if (keeper->has_plan && (is_clean || !keeper->set_up))
		host_net_down(&keeper->net, &keeper->plan);
	if (is_clean)
		return keeper->failed ? NTM_EXIT_FAILED : NTM_EXIT_OK;
	if (keeper->set_up)
		ntm_err("the engine ended (%s %d); until the next start nothing passes to virtual "
			"addresses, so that nothing leaves in clear",
			WIFEXITED(status) ? "exit" : "signal",
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : NTM_EXIT_FAILED;
}

/* ---- start ---- */

static int make_dirs(const struct node_conf *conf, uid_t uid, gid_t gid)
{
	int err = ntm_dir_make(conf->state_dir, 0700, uid, gid);

	if (err != 0)
		ntm_err("%s: cannot be used: %s", conf->state_dir, strerror(-err));
	else if ((err = ntm_dir_make(conf->run_dir, 0755, uid, gid)) != 0)
		ntm_err("%s: cannot be used: %s", conf->run_dir, strerror(-err));
	if (err == -EPERM || err == -EACCES)
		return NTM_EXIT_NOT_ALLOWED;
	return err == 0 ? NTM_EXIT_OK : NTM_EXIT_FAILED;
}

static int prepare(const struct node_conf *conf)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;

	if (geteuid() != 0) {
		ntm_err("ntm-node run needs root, to set the host's network up (the packets are "
			"then handled by user %s)",
			conf->user[0] != '\0' ? conf->user : "ntm");
		return NTM_EXIT_NOT_ALLOWED;
	}
	if (conf->user[0] != '\0' && ntm_user_find(conf->user, &uid, &gid) != 0) {
		ntm_err("there is no user %s: run scripts/deps, or useradd --system "
			"--no-create-home "
			"--shell /usr/sbin/nologin --user-group %s",
			conf->user, conf->user);
		return NTM_EXIT_FAILED;
	}
	(void)ntm_daemon_harden();
	return make_dirs(conf, uid, gid);
}

static int block_signals(struct keeper *keeper)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, &keeper->former_mask) != 0)
		return -errno;
	keeper->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return keeper->signal_fd >= 0 ? 0 : -errno;
}

static int be_engine(struct keeper *keeper, int fd)
{
	close(keeper->fd);
	close(keeper->signal_fd);
	return node_daemon_run(keeper->conf, fd); /* it lets signals in when it can take them */
}

static int be_keeper(struct keeper *keeper)
{
	watch_engine(keeper);
	int code = clean_up(keeper);
	close(keeper->fd);
	close(keeper->signal_fd);
	(void)sigprocmask(SIG_SETMASK, &keeper->former_mask, NULL);
	return code;
}

int keeper_run(const struct node_conf *conf)
{
	struct keeper keeper = {
		.conf = conf,
		.net = {.tun = conf->tun,
			.table = (uint32_t)conf->table,
			.priority = (uint32_t)conf->priority,
			.mtu = (unsigned)conf->mtu,
			.guard = conf->guard},
		.dns_args = {.manage = conf->dns_manage,
			     .resolv_conf = conf->resolv_conf,
			     .state_dir = conf->state_dir,
			     .tun = conf->tun},
	};
	int pair[2];
	int code = prepare(conf);

	if (code != NTM_EXIT_OK)
		return code;
	int err = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0 ? 0 : -errno;
	if (err == 0)
		err = block_signals(&keeper);
	if (err != 0) {
		ntm_err("cannot start: %s", strerror(-err));
		return NTM_EXIT_FAILED;
	}
	keeper.fd = pair[0];
	keeper.engine = fork();
	if (keeper.engine == 0)
		return be_engine(&keeper, pair[1]);
	close(pair[1]);
	if (keeper.engine > 0)
		return be_keeper(&keeper);
	ntm_err("cannot start the engine: %s", strerror(errno));
	return NTM_EXIT_FAILED;
}
