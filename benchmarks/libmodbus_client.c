/* libmodbus' own client: `client PORT CONNECTIONS COUNT ROUNDS` reads COUNT registers over each connection in turn, ROUNDS times,
   and prints the CPU-seconds of the reading, the registers read and the sum of their values. */
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static double cpu_s(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    int port = atoi(argv[1]), connections = atoi(argv[2]), count = atoi(argv[3]), rounds = atoi(argv[4]);
    modbus_t **links = calloc(connections, sizeof *links);
    uint16_t values[MODBUS_MAX_READ_REGISTERS];
    for (int i = 0; i < connections; i++) {
        links[i] = modbus_new_tcp("127.0.0.1", port);
        modbus_set_slave(links[i], 1);
        modbus_set_response_timeout(links[i], 30, 0); /* as ours: a busy machine is no fault */
        if (modbus_connect(links[i]) < 0) {
            perror("client");
            return 1;
        }
    }
    double before = cpu_s();
    long long read = 0, sum = 0;
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < connections; i++) {
            if (modbus_read_registers(links[i], 0, count, values) != count) {
                perror("client");
                return 1;
            }
            read += count;
            for (int k = 0; k < count; k++)
                sum += values[k];
        }
    printf("%.6f %lld %lld\n", cpu_s() - before, read, sum);
    return 0;
}
