#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/health.h"
#include "protocol/samples.h"

namespace galley::cluster {

/// "00000000:3B:00.0", "PCI:0000:3b:00" and "0000:3b:00" are one device: "0000:3b:00". Empty when
/// the text is no such address. Pure.
std::string normal_pci(std::string_view text);

/// The Xid of a line of the kernel log, if it is one: a record of /dev/kmsg ("6,1234,5678,-;NVRM:
/// ..."), a line of dmesg or one of a syslog file. Only what the kernel itself said counts: the
/// name of a program, which its user chooses, may well read like an Xid. Pure. The text is cut to
/// 300 bytes. uuid stays empty.
std::optional<protocol::XidEvent> parse_kernel_line(std::string_view line);

/// What an Xid says of the GPU. Programs that crash cause many of them (13, 31, 43, 45, 68, ...):
/// those, and all that are not known to mean hardware, are notes. After NVIDIA's catalogue of Xids
/// and the actions it recommends.
Severity severity_of_xid(const protocol::XidEvent& event);

}  // namespace galley::cluster
