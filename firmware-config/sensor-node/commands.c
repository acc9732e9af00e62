#include "commands.h"

#include "calibration.h"
#include "cobs.h"
#include "frames.h"
#include "indicator.h"
#include "reset.h"
#include "serial.h"
#include "settings.h"

#define RATE 0x81
#define CALIBRATE 0x82
#define IDENTIFY 0x83
#define SELF_TEST 0x84
#define MODE 0x85
#define LONGEST_CODED 16 /* twice what any command needs */
#define HEAD_BYTES 3
#define CRC_BYTES 2
#define LEAST_OPEN 64    /* one count of the ADC */
#define MOST_OPEN 65472  /* 1023 of them */

static uint8_t coded[LONGEST_CODED], coded_length;
static bool too_long;
static bool testing;
static uint16_t test_seq, calibrate_seq;

static void reply(uint16_t seq, uint8_t command, enum status status) { frames_say_reply(seq, command, status, 0, 0); }

static void rate(uint16_t seq, uint16_t hz) {
    if (hz < 1 || hz > RATE_MOST_HZ) {
        reply(seq, RATE, STATUS_BAD_ARGUMENT);
        return;
    }
    sampling_begin(hz);
    reply(seq, RATE, STATUS_OK);
}

static void keep_open(uint16_t seq, uint16_t open) {
    settings.gsr_open = open;
    const enum status status = settings_save() ? STATUS_OK : STATUS_FAILED;
    frames_say_reply(seq, CALIBRATE, status, &settings.gsr_open, 1);
}

static void calibrate(uint16_t seq, uint16_t value) {
    if (calibration_running()) {
        reply(seq, CALIBRATE, STATUS_FAILED);
    } else if (value == GSR_OPEN_UNKNOWN) {
        calibrate_seq = seq;
        calibration_begin();
    } else if (value < LEAST_OPEN || value > MOST_OPEN) {
        reply(seq, CALIBRATE, STATUS_BAD_ARGUMENT);
    } else {
        keep_open(seq, value);
    }
}

static void self_test(uint16_t seq) {
    if (testing) {
        reply(seq, SELF_TEST, STATUS_FAILED);
        return;
    }
    testing = true;
    test_seq = seq;
    sampling_measure_supply();
}

static void finish_self_test(uint16_t supply_mv) {
    const uint16_t values[] = {supply_mv, reset_free_ram(), settings_intact(), sampling_spread(), sampling_overruns()};
    testing = false;
    frames_say_reply(test_seq, SELF_TEST, values[2] ? STATUS_OK : STATUS_FAILED, values, sizeof values / sizeof *values);
}

static void mode(uint16_t seq, uint8_t value) {
    if (value > MODE_LINES) {
        reply(seq, MODE, STATUS_BAD_ARGUMENT);
        return;
    }
    const bool changed = value != settings.mode;
    settings.mode = value;
    const enum status status = !changed || settings_save() ? STATUS_OK : STATUS_FAILED;
    if (value == MODE_FRAMES) {
        frames_open();
    }
    reply(seq, MODE, status);
    if (value == MODE_FRAMES) {
        frames_say_hello();
    }
}

static void obey(uint8_t command, uint16_t seq, const uint8_t *body, uint8_t length) {
    const uint8_t wants = command == MODE ? 1 : command == RATE || command == CALIBRATE ? 2 : 0;
    const uint16_t value = body[0] | (uint16_t)(wants == 2 ? body[1] : 0) << 8;
    if (command < RATE || command > MODE) {
        reply(seq, command, STATUS_UNKNOWN);
    } else if (length != wants) {
        reply(seq, command, STATUS_BAD_ARGUMENT);
    } else if (command == RATE) {
        rate(seq, value);
    } else if (command == CALIBRATE) {
        calibrate(seq, value);
    } else if (command == SELF_TEST) {
        self_test(seq);
    } else if (command == MODE) {
        mode(seq, (uint8_t)value);
    } else {
        indicator_blink();
        reply(seq, IDENTIFY, STATUS_OK);
        frames_say_hello();
    }
}

static void frame_ended(void) {
    const uint8_t length = cobs_decode(coded, coded_length);
    if (length < HEAD_BYTES + CRC_BYTES) {
        return;
    }
    const uint8_t end = length - CRC_BYTES;
    const uint16_t crc = coded[end] | (uint16_t)coded[end + 1] << 8;
    if (crc == crc16(coded, end)) {
        obey(coded[0], coded[1] | (uint16_t)coded[2] << 8, coded + HEAD_BYTES, end - HEAD_BYTES);
    }
}

void commands_turn(void) {
    for (int16_t byte = serial_read(); byte >= 0; byte = serial_read()) {
        if (byte == 0) {
            if (!too_long && coded_length) {
                frame_ended();
            }
            coded_length = 0;
            too_long = false;
        } else if (coded_length < LONGEST_CODED) {
            coded[coded_length++] = (uint8_t)byte;
        } else {
            too_long = true;
        }
    }
    const uint16_t supply_mv = testing ? sampling_supply_mv() : 0;
    if (supply_mv) {
        finish_self_test(supply_mv);
    }
}

void commands_see(const struct sample *sample) {
    if (calibration_running() && calibration_see(sample)) {
        if (calibration_result()) {
            keep_open(calibrate_seq, calibration_result());
        } else {
            frames_say_reply(calibrate_seq, CALIBRATE, STATUS_FAILED, &settings.gsr_open, 1);
        }
    }
}
