/* A sensor node: 100 samples a second, each with its time, told in frames that cannot be damaged unseen. */
#include <avr/interrupt.h>
#include <avr/sleep.h>

#include "board.h"
#include "commands.h"
#include "frames.h"
#include "indicator.h"
#include "reset.h"
#include "sampling.h"
#include "serial.h"
#include "settings.h"

#define HELLO_EVERY_US 10000000UL

static void tell(const struct sample *sample) {
    const bool told = settings.mode == MODE_LINES ? frames_say_line(sample) : frames_say_sample(sample);
    if (told) {
        reset_progress(); /* only a sample on its way is progress: sampling, this loop and the line all live */
    } else {
        sampling_lost_one();
    }
}

static void hello_now_and_then(void) {
    static uint32_t last_us;
    const uint32_t now_us = sampling_now_us();
    if (now_us - last_us >= HELLO_EVERY_US) {
        last_us = now_us;
        if (settings.mode == MODE_FRAMES) {
            frames_say_hello();
        }
    }
}

/* What comes between the question and the sleep still wakes us: the instruction after `sei` always runs. */
static void sleep_unless_awaited(void) {
    cli();
    if (!sampling_waits() && !serial_waits()) {
        sleep_enable();
        sei();
        sleep_cpu();
        sleep_disable();
    }
    sei();
}

int main(void) {
    struct sample sample;
    reset_guard();
    settings_load(reset_chance);
    indicator_begin();
    serial_begin();
    sampling_begin(RATE_DEFAULT_HZ);
    if (settings.mode == MODE_FRAMES) {
        frames_open();
        frames_say_hello();
    }
    set_sleep_mode(SLEEP_MODE_IDLE);
    sei();
    for (;;) {
        commands_turn();
        while (sampling_take(&sample)) {
            tell(&sample);
            commands_see(&sample);
        }
        hello_now_and_then();
        indicator_turn();
        sleep_unless_awaited();
    }
}
