#include "device_filter.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "base/file.h"

namespace galley::process {
namespace {

// Registers: what the program returns, its context, and what it takes from there.
enum : std::uint8_t { kResult = 0, kContext = 1, kType = 2, kMajor = 3, kMinor = 4 };

bpf_insn instruction(int code, std::uint8_t to, std::uint8_t from, int offset, std::int64_t value) {
  bpf_insn made{};
  made.code = static_cast<std::uint8_t>(code);
  made.dst_reg = to & 0xF;
  made.src_reg = from & 0xF;
  made.off = static_cast<std::int16_t>(offset);
  made.imm = static_cast<std::int32_t>(value);
  return made;
}

bpf_insn load_word(std::uint8_t to, std::size_t offset) {
  return instruction(BPF_LDX | BPF_MEM | BPF_W, to, kContext, static_cast<int>(offset), 0);
}
bpf_insn skip_unless_equal(std::uint8_t what, std::uint32_t value, int skipped) {
  // 32 bits wide: a number with its highest bit set must not be extended by its sign.
  return instruction(BPF_JMP32 | BPF_JNE | BPF_K, what, 0, skipped, value);
}
bpf_insn set(std::uint8_t what, int value) {
  return instruction(BPF_ALU64 | BPF_MOV | BPF_K, what, 0, 0, value);
}
bpf_insn leave() { return instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }

int bpf(bpf_cmd command, bpf_attr& attributes) {
  return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

std::uint64_t address_of(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

}  // namespace

std::vector<bpf_insn> device_program(std::span<const CharDevice> denied) {
  constexpr int kOfADevice = 4;  // instructions
  constexpr int kLoads = 2;
  constexpr int kTypeBits = 0xFFFF;  // the others say what it is opened for
  std::vector<bpf_insn> program{
      load_word(kType, offsetof(bpf_cgroup_dev_ctx, access_type)),
      instruction(BPF_ALU64 | BPF_AND | BPF_K, kType, 0, 0, kTypeBits),
      skip_unless_equal(kType, BPF_DEVCG_DEV_CHAR,
                        kLoads + kOfADevice * static_cast<int>(denied.size())),
      load_word(kMajor, offsetof(bpf_cgroup_dev_ctx, major)),
      load_word(kMinor, offsetof(bpf_cgroup_dev_ctx, minor)),
  };
  for (const CharDevice& device : denied) {
    program.push_back(skip_unless_equal(kMajor, device.major, 3));
    program.push_back(skip_unless_equal(kMinor, device.minor, 2));
    program.push_back(set(kResult, 0));
    program.push_back(leave());
  }
  program.push_back(set(kResult, 1));
  program.push_back(leave());
  return program;
}

bool deny_by_v2(const std::filesystem::path& group, std::span<const CharDevice> denied) {
  const auto program = device_program(denied);
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insns = address_of(program.data());
  load.insn_cnt = static_cast<std::uint32_t>(program.size());
  load.license = address_of("Apache-2.0");
  const UniqueFd loaded(bpf(BPF_PROG_LOAD, load));
  const UniqueFd folder(::open(group.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!loaded || !folder) return false;
  bpf_attr attach{};
  attach.target_fd = static_cast<std::uint32_t>(folder.get());
  attach.attach_bpf_fd = static_cast<std::uint32_t>(loaded.get());
  attach.attach_type = BPF_CGROUP_DEVICE;
  attach.attach_flags = BPF_F_ALLOW_MULTI;  // what groups above refuse stays refused
  return bpf(BPF_PROG_ATTACH, attach) == 0;
}

}  // namespace galley::process
