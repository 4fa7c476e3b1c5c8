/* A Modbus server of libmodbus. `server REGISTERS` listens on a free port of loopback, prints it, and serves every connection from
   one epoll loop until its standard input ends; `server REGISTERS DEVICE` is unit 1 on a serial line until it is killed.
   Register i holds (i * 7) % 65536; coil i is i % 3 == 0. */
#include <modbus.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 64 };

static void fill(modbus_mapping_t *map, int registers)
{
    for (int i = 0; i < registers; i++) {
        map->tab_registers[i] = map->tab_input_registers[i] = (uint16_t)(i * 7);
        map->tab_bits[i] = map->tab_input_bits[i] = i % 3 == 0;
    }
}

static int serve_line(const char *device, modbus_mapping_t *map)
{
    modbus_t *line = modbus_new_rtu(device, 19200, 'E', 8, 1);
    uint8_t query[MODBUS_RTU_MAX_ADU_LENGTH];
    if (!line || modbus_set_slave(line, 1) < 0 || modbus_connect(line) < 0) {
        perror("server");
        return 1;
    }
    puts("0");
    fflush(stdout);
    for (;;) {
        int length = modbus_receive(line, query);
        if (length > 0)
            modbus_reply(line, query, length, map);
    }
}

int main(int argc, char **argv)
{
    int registers = argc > 1 ? atoi(argv[1]) : 1000;
    modbus_mapping_t *map = modbus_mapping_new(registers, registers, registers, registers);
    if (map)
        fill(map, registers);
    if (map && argc > 2)
        return serve_line(argv[2], map);
    modbus_t *context = modbus_new_tcp("127.0.0.1", 0);
    int listener = context && map ? modbus_tcp_listen(context, 128) : -1;
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int loop = epoll_create1(0);
    if (listener < 0 || loop < 0 || getsockname(listener, (struct sockaddr *)&address, &size) < 0) {
        perror("server");
        return 1;
    }
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = listener}, happened[EVENTS];
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &wanted);
    wanted.data.fd = STDIN_FILENO;
    epoll_ctl(loop, EPOLL_CTL_ADD, STDIN_FILENO, &wanted);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    for (;;) {
        int count = epoll_wait(loop, happened, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int fd = happened[i].data.fd;
            if (fd == STDIN_FILENO)
                return 0;
            if (fd == listener) {
                wanted.data.fd = modbus_tcp_accept(context, &listener);
                epoll_ctl(loop, EPOLL_CTL_ADD, wanted.data.fd, &wanted);
                continue;
            }
            modbus_set_socket(context, fd);
            int length = modbus_receive(context, query);
            if (length > 0)
                modbus_reply(context, query, length, map);
            else if (length < 0)
                close(fd);
        }
    }
}
