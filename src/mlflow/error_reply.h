#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace galley::mlflow {

// Errors are ours until they are printed; `hint` names MLflow's code where the Errc alone would
// give another one.
inline constexpr std::string_view kAlreadyExists = "RESOURCE_ALREADY_EXISTS";
inline constexpr std::string_view kInvalidValue = "INVALID_PARAMETER_VALUE";
inline constexpr std::string_view kEndpointNotFound = "ENDPOINT_NOT_FOUND";

Error fault(std::string message);    // INVALID_PARAMETER_VALUE
Error missing(std::string message);  // RESOURCE_DOES_NOT_EXIST
Error already_there(std::string message);

/// MLflow's word for the error.
std::string_view code_of(const Error& error);

}  // namespace galley::mlflow
