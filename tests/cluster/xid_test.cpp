#include "cluster/xid.h"

#include <gmock/gmock.h>

namespace galley::cluster {
namespace {

TEST(KernelLine, IsReadInEachOfItsForms) {
  for (const char* line :
       {"NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, name=python, GPU has fallen off the bus.",
        "3,1201,98765432,-;NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.\n "
        "SUBSYSTEM=pci",
        "[ 1234.567890] NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', GPU has fallen off",
        "Nov 21 10:00:00 gpu-17 kernel: [ 1234.567] NVRM: Xid (0000:3b:00): 79, Channel 00000001",
        "2026-11-21T10:00:00.1+09:00 gpu-17 kernel: NVRM: Xid (PCI:0000:3B:00 GPU-I:02): 79, x",
        "NVRM: GPU 0000:3b:00.0: GPU has fallen off the bus."}) {
    const auto event = parse_kernel_line(line);
    ASSERT_TRUE(event) << line;
    EXPECT_EQ(event->xid, 79) << line;
    EXPECT_EQ(event->pci_bus_id, "0000:3b:00") << line;
  }
}

TEST(KernelLine, OnlyTheKernelIsBelieved) {
  for (const char* line :
       {"", "NVRM: loading NVIDIA UNIX", "NVRM: Xid (PCI:0000:3b:00)", "NVRM: Xid (): 79, x",
        "NVRM: Xid (PCI:0000:3b:00): x", "NVRM: Xid (PCI:0000:3b:00): 0, x",
        "NVRM: Xid (PCI:0000:3b:00): 99999999999999999999, x",
        // Written to /dev/kmsg by a program: its facility is not the kernel's.
        "12,1201,98765432,-;NVRM: Xid (PCI:0000:3b:00): 79, x",
        "Nov 21 10:00:00 gpu-17 bob: kernel: NVRM: Xid (PCI:0000:3b:00): 79, x",
        "[1.0] oom-kill: task=NVRM: Xid (PCI:0000:3b:00): 79, x"})
    EXPECT_FALSE(parse_kernel_line(line)) << line;
}

TEST(KernelLine, TheNameOfAProgramIsNoXid) {
  const auto event = parse_kernel_line(
      "3,1,2,-;NVRM: Xid (PCI:0000:3b:00): 31, pid=7, name=NVRM: Xid (PCI:0000:3b:00): 79, MMU "
      "Fault");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->xid, 31);
}

TEST(Xid, FaultsOfProgramsAreNotes) {
  for (const std::int64_t xid : {1, 8, 13, 31, 32, 43, 45, 68, 69, 137, 999, 100000})
    EXPECT_EQ(severity_of_xid({xid, "", "", "Fatal"}), Severity::note) << xid;
}

TEST(Xid, FaultsOfHardwareExclude) {
  for (const std::int64_t xid : {48, 62, 64, 74, 95, 119, 120, 140})
    EXPECT_EQ(severity_of_xid({xid, "", "", ""}), Severity::exclude) << xid;
  for (const std::int64_t xid : {63, 92, 94})
    EXPECT_EQ(severity_of_xid({xid, "", "", ""}), Severity::drain) << xid;
  EXPECT_EQ(severity_of_xid({79, "", "", ""}), Severity::gone);
  EXPECT_EQ(severity_of_xid({154, "", "",
                             "GPU recovery action changed from 0x0 (None) to 0x1 (GPU "
                             "Reset Required)"}),
            Severity::drain);
  EXPECT_EQ(severity_of_xid({154, "", "", "changed from 0x1 (GPU Reset Required) to 0x0 (None)"}),
            Severity::note);
  EXPECT_EQ(severity_of_xid({145, "", "", "RLW_REMAP Nonfatal XC0 i0 Link 08"}), Severity::note);
  EXPECT_EQ(severity_of_xid({145, "", "", "RLW_CTRL Fatal XC1 i0 Link 02"}), Severity::exclude);
}

TEST(PciAddress, HasOneForm) {
  EXPECT_EQ(normal_pci("00000000:3B:00.0"), "0000:3b:00");
  EXPECT_EQ(normal_pci("PCI:0000:03:00"), "0000:03:00");
  EXPECT_EQ(normal_pci("10000:03:00.0"), "10000:03:00");
  for (const char* wrong : {"", "3b:00", "x:y:z", "0000:3b:00:1", "0000:3bb:00", "000000000:3b:00"})
    EXPECT_EQ(normal_pci(wrong), "") << wrong;
}

}  // namespace
}  // namespace galley::cluster
