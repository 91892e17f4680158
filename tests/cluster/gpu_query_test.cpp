#include "cluster/gpu_query.h"

#include <gmock/gmock.h>

#include "smi_texts.h"

namespace galley::cluster {
namespace {

using protocol::GpuSample;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(GpuRows, AreReadInTheOrderOfTheQuery) {
  const GpuQuery query;
  const std::string row =
      "0, GPU-aa, 00000000:3B:00.0, 81559, 1024, 93, 41, 64, 70, 312.55, 700.00, 1980, 2619, P0, "
      "0x0000000000000044, 5, 0, 17, 1, [N/A], [N/A], [N/A], NVIDIA H100 80GB HBM3, odd\n";
  const auto rows = parse_gpu_rows(row, query);
  ASSERT_THAT(rows.gpus, SizeIs(1));
  const GpuSample& gpu = rows.gpus[0];
  EXPECT_EQ(gpu.uuid, "GPU-aa");
  EXPECT_EQ(gpu.pci_bus_id, "0000:3b:00");
  EXPECT_EQ(gpu.model, "NVIDIA H100 80GB HBM3, odd");
  EXPECT_EQ(gpu.memory_used_bytes, std::int64_t{1} << 30);
  EXPECT_DOUBLE_EQ(*gpu.utilization_ratio, 0.93);
  EXPECT_DOUBLE_EQ(*gpu.power_watts, 312.55);
  EXPECT_EQ(gpu.sm_clock_mhz, 1980);
  EXPECT_EQ(gpu.throttle_reasons, 0x44);
  EXPECT_EQ(gpu.ecc_corrected_volatile, 5);
  EXPECT_EQ(gpu.ecc_uncorrected_aggregate, 1);
  EXPECT_EQ(gpu.retired_pages_pending, std::nullopt);
  EXPECT_EQ(gpu.unreadable_fields, 0);
}

TEST(GpuRows, UnderstandOtherLocalesAndWhatIsNotThere) {
  const GpuQuery query;
  const std::string comma =
      "0, GPU-aa, 00000000:3B:00.0, 81559, 1024, 93, 41, 64, 70, 312,55, 700,00, 1980, 2619, P0, "
      "0x0, 5, 0, 17, 1, [Nicht unterstützt], nicht verfügbar, Nein, Tesla T4\n";
  const auto rows = parse_gpu_rows(comma, query);
  ASSERT_THAT(rows.gpus, SizeIs(1));
  EXPECT_DOUBLE_EQ(*rows.gpus[0].power_watts, 312.55);
  EXPECT_EQ(rows.gpus[0].retired_pages_pending, std::nullopt);
  EXPECT_EQ(rows.gpus[0].unreadable_fields, 0);

  std::string bare = comma;
  for (auto at = bare.find(", "); at != std::string::npos; at = bare.find(", ", at))
    bare.erase(at + 1, 1);
  bare.replace(bare.find("312,55"), 6, "312.55");
  bare.replace(bare.find("700,00"), 6, "700.00");
  EXPECT_DOUBLE_EQ(*parse_gpu_rows(bare, query).gpus.at(0).power_watts, 312.55);
}

TEST(GpuRows, AGarbledLineSaysNothingOfTheOthers) {
  const GpuQuery query;
  const auto good = SmiTexts::rows({SmiTexts::gpu(0), SmiTexts::gpu(1)});
  const auto rows = parse_gpu_rows("\x80\xff junk\n" + good + "0, GPU\n" + good, query);
  EXPECT_THAT(rows.gpus, SizeIs(2));
  EXPECT_EQ(rows.garbled, 4U);  // junk, a short line, and two named twice
}

TEST(GpuRows, CountWhatTheDriverFailedToRead) {
  const GpuQuery query;
  auto text = SmiTexts::rows({SmiTexts::gpu(0)});
  text.replace(text.find("41.000000"), 9, "[Unknown Error]");
  EXPECT_EQ(parse_gpu_rows(text, query).gpus.at(0).unreadable_fields, 1);
  text.replace(text.find("[N/A]"), 5, "[GPU is lost]");
  EXPECT_TRUE(parse_gpu_rows(text, query).gpus.at(0).lost);
}

TEST(GpuQuery, DropsWhatADriverDoesNotKnow) {
  GpuQuery query;
  const auto count = query.fields().size();
  EXPECT_TRUE(query.drop("Field \"temperature.memory\" is not a valid field to query.\n"));
  EXPECT_EQ(query.fields().size(), count - 1);
  EXPECT_FALSE(query.drop("Field \"temperature.memory\" is not a valid field to query.\n"));
  EXPECT_FALSE(query.drop("Field \"uuid\" is not a valid field to query."));
  EXPECT_FALSE(query.drop("NVIDIA-SMI has failed"));
  // Renamed, not gone; and gone in the end.
  EXPECT_TRUE(
      query.drop("Field \"clocks_throttle_reasons.active\" is not a valid field to query."));
  EXPECT_NE(query.text().find("clocks_event_reasons.active"), std::string::npos);
  EXPECT_TRUE(query.drop("Field \"clocks_event_reasons.active\" is not a valid field to query."));
  EXPECT_EQ(query.fields().size(), count - 2);
}

TEST(Unreachable, GpusAreNamedByTheirAddress) {
  EXPECT_THAT(
      parse_unreachable("Unable to determine the device handle for GPU 0000:3B:00.0: GPU is "
                        "lost.  Reboot the system to recover this GPU\n"
                        "Unable to determine the device handle for GPU1: 0000:5E:00.0: "
                        "Unknown Error\nno\n"),
      ElementsAre("0000:3b:00", "0000:5e:00"));
  EXPECT_THAT(parse_unreachable("NVIDIA-SMI has failed"), IsEmpty());
}

TEST(GpuApps, AreReadAndBrokenLinesSkipped) {
  const auto apps = parse_gpu_apps(
      "GPU-aa, 1234, 512, /usr/bin/python3, with a comma\nGPU-aa, x, 1, y\n\nGPU-bb, 7, [N/A], "
      "[Not "
      "Found]\n");
  ASSERT_THAT(apps, SizeIs(2));
  EXPECT_EQ(apps[0].process.pid, 1234);
  EXPECT_EQ(apps[0].process.gpu_used_bytes, std::int64_t{512} << 20);
  EXPECT_EQ(apps[0].process.name, "/usr/bin/python3, with a comma");
  EXPECT_EQ(apps[1].process.gpu_used_bytes, std::nullopt);
}

TEST(Links, AndRowsAreReadIntoTheirGpu) {
  std::vector<GpuSample> gpus{SmiTexts::gpu(0), SmiTexts::gpu(1)};
  read_remapped_rows(gpus[1].uuid + ", 2, 1, No, Yes\nGPU-unknown, 1, 1, No, No\n", gpus);
  EXPECT_EQ(gpus[1].remapped_rows_correctable, 2);
  EXPECT_EQ(gpus[1].remapped_rows_pending, false);
  EXPECT_EQ(gpus[1].remapped_rows_failure, true);
  EXPECT_EQ(gpus[0].remapped_rows_failure, std::nullopt);

  read_nvlinks(
      "GPU 0: NVIDIA H100 (UUID: " + gpus[0].uuid +
          ")\n\t Link 0: 26.562 GB/s\n\t Link 1: <inactive>\nGPU 1: x (UUID: GPU-else)\n\t "
          "Link 0: 26.562 GB/s\n"
          "GPU 0: NVIDIA H100 (UUID: " +
          gpus[0].uuid +
          ")\n\t Link 0: Replay Errors: 2\n\t Link 0: CRC Errors: 40\n\t Link 1: <inactive>\n",
      gpus);
  EXPECT_EQ(gpus[0].nvlinks_total, 2);
  EXPECT_EQ(gpus[0].nvlinks_active, 1);
  EXPECT_EQ(gpus[0].nvlink_errors, 42);
  EXPECT_EQ(gpus[1].nvlinks_total, std::nullopt);
}

}  // namespace
}  // namespace galley::cluster
