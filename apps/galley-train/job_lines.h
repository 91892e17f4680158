#pragma once

#include <atomic>
#include <string>

/// What every trainer says and hears: lines of the job protocol on stdout, notes for people on
/// stderr, and the signals that ask it to stop.

/// "galley:: KEY=VALUE" on stdout, flushed: the job protocol.
void print_key(const std::string& key, const std::string& value);
/// A sentence for people on stderr.
void print_note(const std::string& text);

/// From now on SIGTERM and SIGINT set stop_requested() and let the trainer end by itself.
void stop_on_signals();
const std::atomic<bool>& stop_requested();
/// The signal that asked for it; 0 when none did.
int stopping_signal();
