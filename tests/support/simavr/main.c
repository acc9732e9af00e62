/* Runs the sensor node's real firmware on a simulated ATmega328P, its UART on a pseudo-terminal, and does what lines on
 * standard input say; each is answered by `ok SIMULATED_US SENT RECEIVED`. In lock step (`run`) time passes only when
 * it is told to, so that a test does not depend on how fast the machine is; with `pace` it follows the wall clock. */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "body.h"
#include "chip.h"
#include "serial_line.h"

#define SLICE_US 100 /* a little more than a byte takes on the line */
#define CYCLES_PER_US (CLOCK_HZ / 1000000)
#define SLICES_PER_ROW (1000000 / BODY_HZ / SLICE_US)
#define WAIT_MS 1
#define LONGEST_LINE 128
#define MOST_TOLD 10000

static avr_t *avr;
static uint64_t slices;

static void run_slice(void) {
    if (slices++ % SLICES_PER_ROW == 0) {
        body_turn();
    }
    line_received();
    line_turn();
    chip_run_until(avr, slices * SLICE_US * CYCLES_PER_US);
}

static void run(unsigned long us, unsigned long long after_received) {
    while (line_received() < after_received) {
        poll(NULL, 0, WAIT_MS);
    }
    for (unsigned long slice = 0; slice < us / SLICE_US; slice++) {
        run_slice();
    }
}

static double wall_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Runs at `speed` times the wall clock until a line comes on standard input. */
static void pace(double speed) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    const double began_s = wall_s();
    const uint64_t from = slices;
    while (poll(&input, 1, 0) == 0) {
        const double due = (wall_s() - began_s) * speed * 1e6 / SLICE_US;
        if ((double)(slices - from) < due) {
            run_slice();
        } else {
            poll(&input, 1, WAIT_MS);
        }
    }
}

/* Says when each burst of readings since the last time began: `bursts CYCLES CYCLES ...`. */
static void tell_bursts(void) {
    static uint64_t began[MOST_TOLD];
    const unsigned count = body_take_bursts(began, MOST_TOLD);
    printf("bursts");
    for (unsigned i = 0; i < count && i < MOST_TOLD; i++) {
        printf(" %llu", (unsigned long long)began[i]);
    }
    printf("\n");
}

static void patch_flash(unsigned address, unsigned word) {
    avr->flash[address] = (uint8_t)word;
    avr->flash[address + 1] = (uint8_t)(word >> 8);
}

/* Does what the line says; answers whether it was understood. `speed` is how fast to go on by ourselves, 0: not. */
static int obey(const char *line, double *speed) {
    unsigned long long first = 0, second = 0;
    int millivolts;
    char word[16] = "";
    const int count = sscanf(line, "%15s %lli %lli", word, (long long *)&first, (long long *)&second);
    *speed = 0;
    if (!strcmp(word, "run") && count >= 2) {
        run((unsigned long)first, second);
    } else if (sscanf(line, "pace %lf", speed) == 1) {
        return 1;
    } else if (sscanf(line, "hold %llu %d", &first, &millivolts) == 2 && first < PINS) {
        body_hold((unsigned)first, millivolts);
    } else if (!strcmp(word, "drop")) {
        line_drop((unsigned)first);
    } else if (!strcmp(word, "flip")) {
        line_flip((uint8_t)first);
    } else if (!strcmp(word, "noise")) {
        line_noise((unsigned)first, (unsigned)second);
    } else if (!strcmp(word, "hiss")) {
        body_noise((unsigned)first, (unsigned)second);
    } else if (!strcmp(word, "reset")) {
        chip_reset(avr, (uint8_t)first);
    } else if (!strcmp(word, "cut")) {
        chip_cut_after((unsigned)first);
    } else if (!strcmp(word, "rot")) {
        chip_rot(avr, (uint16_t)first, (uint8_t)second);
    } else if (!strcmp(word, "flash") && first < avr->flashend) {
        patch_flash((unsigned)first, (unsigned)second);
    } else if (!strcmp(word, "poke") && first <= avr->ramend) {
        avr->data[first] = (uint8_t)second;
    } else if (!strcmp(word, "peek") && first <= avr->ramend) {
        printf("peek %d\n", avr->data[first]);
    } else if (!strcmp(word, "bursts")) {
        tell_bursts();
    } else {
        return 0;
    }
    return 1;
}

int main(int count, char **arguments) {
    char line[LONGEST_LINE];
    double speed = 0;
    if (count != 5) {
        fprintf(stderr, "usage: %s FIRMWARE.elf EEPROM WAVEFORM.csv SEED\n", arguments[0]);
        return 2;
    }
    setvbuf(stdin, NULL, _IONBF, 0); /* poll must see each line */
    avr = chip_open(arguments[1], arguments[2], (unsigned)atoi(arguments[4]));
    printf("pty %s\n", line_open(avr));
    fflush(stdout);
    body_open(avr, arguments[3]);
    while (fgets(line, sizeof line, stdin)) {
        if (!obey(line, &speed)) {
            fprintf(stderr, "not understood: %s", line);
            return 2;
        }
        chip_keep_eeprom(avr, arguments[2]);
        printf("ok %llu %llu %llu\n", (unsigned long long)slices * SLICE_US, (unsigned long long)line_sent(),
               (unsigned long long)line_received());
        fflush(stdout);
        if (speed > 0) {
            pace(speed);
        }
    }
    chip_keep_eeprom(avr, arguments[2]);
    return 0;
}
