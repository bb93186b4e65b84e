/* SPDX-License-Identifier: BSD-2-Clause */
/* The privileged part of a gateway: one process that reads a socket until it closes. */
#include "exit_janitor.h"

#include "ntm/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void serve(int fd, struct exit_host *host)
{
	struct exit_net net, now;
	struct janitor_reply reply;
	bool is_up = false;

	for (;;) {
		ssize_t len = recv(fd, &net, sizeof(net), 0);

		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			break;
		memset(&reply, 0, sizeof(reply));
		reply.err = -EINVAL;
		if (len != sizeof(net) || !exit_net_ok(&net)) {
			snprintf(reply.words, sizeof(reply.words),
				 "the DC's virtual prefixes make no sense");
		} else {
			reply.err = exit_host_up(host, &net, is_up ? &now : NULL, reply.words,
						 sizeof(reply.words));
			now = net;
			is_up = true;
		}
		(void)send(fd, &reply, sizeof(reply), MSG_NOSIGNAL);
	}
	if (is_up)
		exit_host_down(host, &now);
}

/* Nothing of the daemon's may live on in here: not its TUN, and not its port. */
static void be_janitor(int fd, const char *tun, unsigned mtu)
{
	struct exit_host host = {.tun = tun, .mtu = mtu};

	if (fd != 3 && dup2(fd, 3) < 0)
		_exit(1);
	if (close_range(4, ~0U, 0) != 0)
		_exit(1);
	(void)setsid();
	(void)signal(SIGTERM, SIG_IGN); /* the service manager's, for all: the daemon ends first */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)prctl(PR_SET_NAME, "ntm-exit-keep");
	serve(3, &host);
	_exit(0);
}

int janitor_start(struct janitor *janitor, const char *tun, unsigned mtu)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	janitor->pid = fork();
	if (janitor->pid == 0)
		be_janitor(pair[1], tun, mtu);
	int err = janitor->pid < 0 ? -errno : 0;
	close(pair[1]);
	if (err != 0)
		close(pair[0]);
	janitor->fd = err == 0 ? pair[0] : -1;
	return err;
}

int janitor_tell(const struct janitor *janitor, const struct exit_net *net)
{
	ssize_t len = send(janitor->fd, net, sizeof(*net), MSG_NOSIGNAL | MSG_DONTWAIT);

	return len < 0 ? -errno : 0;
}

int janitor_read(const struct janitor *janitor, struct janitor_reply *reply)
{
	ssize_t len = recv(janitor->fd, reply, sizeof(*reply), MSG_DONTWAIT);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (len != sizeof(*reply))
		return -EPIPE;
	reply->words[sizeof(reply->words) - 1] = '\0';
	return 1;
}

void janitor_stop(struct janitor *janitor)
{
	if (janitor->pid <= 0)
		return;
	close(janitor->fd);
	while (waitpid(janitor->pid, NULL, 0) < 0 && errno == EINTR)
		;
	janitor->pid = 0;
}
