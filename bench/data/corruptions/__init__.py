"""The 15 corruptions of MNIST-C and the curves of growing distortion."""
