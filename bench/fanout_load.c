// Many websocket clients in one thread, for any server: connects, reads all that comes, answers pings.
//
//   fanout_load PORT PATH CLIENTS [HEADER...]
//
// Standard output, a line each: `up SECONDS` when all are connected; then for each message that holds the text
// `probe-NUMBER-NANOSECONDS-` (CLOCK_MONOTONIC, when it was published) `last NUMBER MILLISECONDS` once it is at all of
// them. Numbers grow; one probe is under way at a time. Ends with standard input, and with 1 when a client is lost.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { AT_ONCE = 64, EVENTS = 512, ROOM = 4096, PONG = 0x8A, PING = 9, CLOSE = 8 };

typedef struct {
    int fd, up;
    size_t used, size;
    unsigned char *data;
} Client;

static int clients, connected;
static long probe = -1;
static int arrived;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void fail(const char *why) {
    fprintf(stderr, "%s (%s)\n", why, strerror(errno));
    exit(1);
}

static void pong(int fd, const unsigned char *text, size_t size) {
    unsigned char frame[6 + 125] = {PONG, 0x80 | size, 0, 0, 0, 0};  // a mask of zeros
    memcpy(frame + 6, text, size);
    if (write(fd, frame, 6 + size) < 0) fail("pong");
}

static void message(Client *client, int opcode, unsigned char *text, size_t size) {
    if (opcode == PING && size <= 125) pong(client->fd, text, size);
    if (opcode == CLOSE) fail("the server closes");
    char *mark = memmem(text, size, "probe-", 6);
    if (mark == NULL) return;
    char *rest;
    long number = strtol(mark + 6, &rest, 10);
    uint64_t began_ns = strtoull(rest + 1, NULL, 10);
    if (number != probe) {
        if (number < probe) return;
        probe = number;
        arrived = 0;
    }
    if (++arrived == clients) {
        printf("last %ld %.4f\n", number, (now_ns() - began_ns) / 1e6);
        fflush(stdout);
    }
}

static void frames(Client *client) {
    size_t at = 0;
    while (client->used - at >= 2) {
        unsigned char *frame = client->data + at;
        uint64_t size = frame[1] & 127, head = 2;
        int more = size == 126 ? 2 : size == 127 ? 8 : 0;
        if (client->used - at < 2u + more) break;
        if (more) size = 0;
        for (int i = 0; i < more; i++) size = size << 8 | frame[2 + i];
        head += more;
        if (client->used - at < head + size) break;
        message(client, frame[0] & 15, frame + head, size);
        at += head + size;
    }
    memmove(client->data, client->data + at, client->used - at);
    client->used -= at;
}

static int handshake(Client *client) {
    unsigned char *end = memmem(client->data, client->used, "\r\n\r\n", 4);
    if (end == NULL) return 0;
    if (client->used < 12 || memcmp(client->data + 9, "101", 3) != 0) {
        fprintf(stderr, "%.*s\n", (int)client->used, client->data);
        fail("the handshake was refused");
    }
    size_t size = end + 4 - client->data;
    memmove(client->data, client->data + size, client->used - size);
    client->used -= size;
    client->up = 1;
    connected++;
    return 1;
}

static void receive(Client *client) {
    for (;;) {
        if (client->size - client->used < ROOM) {
            client->size = client->size ? 2 * client->size : 2 * ROOM;
            client->data = realloc(client->data, client->size);
            if (client->data == NULL) fail("memory");
        }
        size_t room = client->size - client->used;
        ssize_t got = recv(client->fd, client->data + client->used, room, 0);
        if (got == 0) fail("the server closed");
        if (got < 0) {
            if (errno == EAGAIN || errno == EINTR) return;
            fail("receive");
        }
        client->used += got;
        if (client->up || handshake(client)) frames(client);
        if ((size_t)got < room) return;
    }
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    clients = atoi(argv[3]);
    char request[4096];
    int size = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
                        argv[2], argv[1]);
    for (int i = 4; i < argc; i++) size += snprintf(request + size, sizeof request - size, "%s\r\n", argv[i]);
    size += snprintf(request + size, sizeof request - size, "\r\n");
    if ((size_t)size >= sizeof request) return 2;

    Client *all = calloc(clients, sizeof *all);
    int made = 0, told = 0, queue = epoll_create1(0);
    struct epoll_event input = {.events = EPOLLIN | EPOLLHUP, .data.u32 = UINT32_MAX};
    epoll_ctl(queue, EPOLL_CTL_ADD, 0, &input);
    struct epoll_event ready[EVENTS];
    uint64_t began_ns = now_ns();
    for (;;) {
        while (made < clients && made - connected < AT_ONCE) {
            Client *client = &all[made];
            client->fd = socket(AF_INET, SOCK_STREAM, 0);
            if (client->fd < 0 || connect(client->fd, (void *)&address, sizeof address) < 0) fail("connect");
            int on = 1;
            setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            fcntl(client->fd, F_SETFL, O_NONBLOCK);
            if (write(client->fd, request, size) != size) fail("request");
            struct epoll_event event = {.events = EPOLLIN, .data.u32 = made++};
            epoll_ctl(queue, EPOLL_CTL_ADD, client->fd, &event);
        }
        int count = epoll_wait(queue, ready, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (ready[i].data.u32 == UINT32_MAX) return 0;
            receive(&all[ready[i].data.u32]);
        }
        if (!told && connected == clients) {
            printf("up %.3f\n", (now_ns() - began_ns) / 1e9);
            fflush(stdout);
            told = 1;
        }
    }
}
