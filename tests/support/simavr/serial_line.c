#define _GNU_SOURCE
#include "serial_line.h"

#include <fcntl.h>
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <simavr/avr_uart.h>

#define WAITING 4096
#define MILLION 1000000

static int master, slave; /* ours of the slave stays open, so that others may come and go */
static avr_irq_t *input;
static bool full;
static uint8_t waiting[WAITING];
static unsigned first, count;
static uint64_t received, sent;
static unsigned to_drop, noise_per_million;
static uint8_t to_flip;
static uint32_t noise;

static uint32_t chance(void) { /* Marsaglia's xorshift */
    noise ^= noise << 13;
    noise ^= noise >> 17;
    noise ^= noise << 5;
    return noise;
}

static void write_out(struct avr_irq_t *irq, uint32_t value, void *param) {
    (void)irq;
    (void)param;
    uint8_t byte = (uint8_t)value ^ to_flip;
    to_flip = 0;
    if (to_drop) {
        to_drop--;
        return;
    }
    if (noise_per_million && chance() % MILLION < noise_per_million) {
        const uint32_t what = chance();
        if (what & 8) {
            return;
        }
        byte ^= (uint8_t)(1 << (what & 7));
    }
    sent += write(master, &byte, 1) == 1; /* nobody reads and the buffer is full: lost, as on a real line */
}

static void may_send(struct avr_irq_t *irq, uint32_t value, void *param) {
    (void)irq;
    (void)value;
    full = param != NULL;
}

const char *line_open(avr_t *avr) {
    static char name[64];
    struct termios raw;
    cfmakeraw(&raw);
    if (openpty(&master, &slave, name, NULL, NULL) < 0 || tcgetattr(slave, &raw) < 0) {
        perror("no pseudo-terminal");
        exit(1);
    }
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    fcntl(master, F_SETFL, O_NONBLOCK);

    uint32_t flags = 0;
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    input = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), write_out, NULL);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XON), may_send, NULL);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XOFF), may_send, name);
    return name;
}

uint64_t line_received(void) {
    uint8_t some[256];
    const unsigned room = WAITING - count;
    const ssize_t got = room ? read(master, some, room < sizeof some ? room : sizeof some) : 0;
    for (ssize_t i = 0; i < got; i++) {
        waiting[(first + count++) % WAITING] = some[i];
    }
    received += got > 0 ? (uint64_t)got : 0;
    return received;
}

void line_turn(void) {
    if (count && !full) {
        avr_raise_irq(input, waiting[first]);
        first = (first + 1) % WAITING;
        count--;
    }
}

uint64_t line_sent(void) { return sent; }

void line_drop(unsigned bytes) { to_drop = bytes; }

void line_flip(uint8_t mask) { to_flip = mask; }

void line_noise(unsigned seed, unsigned per_million) {
    noise = seed ? seed : 1;
    noise_per_million = per_million;
}
